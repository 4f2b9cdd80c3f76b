// Columns aligned as the docker CLI aligns them.

/** How wide columns are: at least `minimumWidth`, and `padding` wider than their widest cell. */
export interface Layout {
  readonly minimumWidth: number
  readonly padding: number
}

const listLayout: Layout = { minimumWidth: 10, padding: 3 }

/** Rows as lines of text; the last column is not padded. */
export function formatTable(rows: readonly (readonly string[])[], layout: Layout = listLayout): string {
  const widths: number[] = []
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? layout.minimumWidth, lengthOf(cell) + layout.padding)
    })
  }
  return rows.map(row => `${formatRow(row, widths)}\n`).join('')
}

function formatRow(row: readonly string[], widths: readonly number[]): string {
  const last = row.length - 1
  return row.map((cell, column) => (column === last ? cell : pad(cell, widths[column] ?? 0))).join('')
}

const pad = (cell: string, width: number) => cell + ' '.repeat(width - lengthOf(cell))

// Counted in code points, as Go's tabwriter does.
const lengthOf = (text: string) => [...text].length
