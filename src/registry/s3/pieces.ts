// What is being received into an object store: objects can't grow there, so it is a row of pieces, each an object.

import { createHash, randomUUID } from 'node:crypto'

/** A piece of what is being received, as the store lists it. */
export interface Piece {
  /** Its key below that of the whole. */
  readonly name: string
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modified: number
}

/** Is there from the beginning on, so that what has no bytes yet is there. */
export const beginning = 'begun'

const offsetDigits = 15

/** A name for a piece that begins at `offset` bytes. No other process gives the same. */
export function pieceName(offset: number): string {
  return `${String(offset).padStart(offsetDigits, '0')}-${randomUUID()}`
}

/** What tells two rows of pieces apart: that of the row before, and the name of the one that is added. */
export function markAfter(mark: string, name: string): string {
  return createHash('sha256').update(`${mark} ${name}`).digest('hex')
}

/**
 * The row that begins at the first byte and has no gap. Of pieces for the same place, which only come about if two requests go
 * on with the same upload at once, the first by name counts, in every process.
 */
export function rowOf(pieces: readonly Piece[]): { row: Piece[]; size: number; mark: string } {
  const row: Piece[] = []
  let size = 0
  let mark = ''
  for (const piece of pieces.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (piece.name === beginning || Number(piece.name.slice(0, offsetDigits)) !== size || piece.size === 0) continue
    row.push(piece)
    size += piece.size
    mark = markAfter(mark, piece.name)
  }
  return { row, size, mark }
}

/** Gathers what comes into pieces of `size` bytes, the last one shorter; also what came before the source failed. */
export async function* inPieces(
  source: AsyncIterable<Uint8Array>,
  sizeAt: (offset: number) => number,
  start: number,
): AsyncGenerator<{ offset: number; bytes: Buffer }, void, void> {
  let chunks: Uint8Array[] = []
  let gathered = 0
  let offset = start
  const take = () => {
    const piece = { offset, bytes: Buffer.concat(chunks) }
    offset += gathered
    chunks = []
    gathered = 0
    return piece
  }
  let failure: { error: unknown } | undefined
  try {
    for await (const chunk of source) {
      for (let rest = chunk; rest.length > 0; ) {
        const part = rest.subarray(0, sizeAt(offset) - gathered)
        chunks.push(part)
        gathered += part.length
        rest = rest.subarray(part.length)
        if (gathered === sizeAt(offset)) yield take()
      }
    }
  } catch (error) {
    failure = { error }
  }
  if (gathered > 0) yield take()
  if (failure) throw failure.error
}
