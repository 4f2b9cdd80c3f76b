// Columns aligned as the docker CLI aligns them.

const minimumWidth = 10
const padding = 3

/** Rows as lines of text: each column but the last is as wide as its widest cell plus 3, and at least 10. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? minimumWidth, lengthOf(cell) + padding)
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
