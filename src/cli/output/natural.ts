// The order of names in lists: numbers in them count as numbers.

/** `c2` before `c10`: runs of digits are compared by their value, all else by code units. */
export function naturalOrder(a: string, b: string): number {
  const [left, right] = [pieces(a), pieces(b)]
  for (const [index, piece] of left.entries()) {
    const other = right[index]
    if (other === undefined) return 1
    const order = isNumber(piece) && isNumber(other) ? byValue(piece, other) : compare(piece, other)
    if (order !== 0) return order
  }
  return left.length - right.length
}

const pieces = (text: string): string[] => text.match(/\d+|\D+/g) ?? []
const isNumber = (text: string) => /^\d/.test(text)
const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))

// Numbers may have more digits than a double holds.
function byValue(a: string, b: string): number {
  const [left, right] = [a.replace(/^0+(?=\d)/, ''), b.replace(/^0+(?=\d)/, '')]
  return left.length - right.length || compare(left, right) || a.length - b.length
}
