// A file that is read while it is still being written, by another thread: how much of it is there is in shared memory.

import { type FileHandle, open } from 'node:fs/promises'
import { unavailable } from '../lib/errors.ts'

/** How far a file has come, for other threads. */
export interface Growth {
  /** Shared; its only element is the number of bytes that are there, or -1 if no more will come. */
  readonly arrived: BigInt64Array
  /** Bytes of the whole file. */
  readonly size: number
}

const cut = -1n

/** The start of a file of `size` bytes that has none yet. */
export function growth(size: number): Growth {
  return { arrived: new BigInt64Array(new SharedArrayBuffer(8)), size }
}

/** Says that so many bytes are there. */
export function grow({ arrived }: Growth, bytes: number): void {
  Atomics.store(arrived, 0, BigInt(bytes))
  Atomics.notify(arrived, 0)
}

/** Says that no more will come: who reads gets an error. */
export function abandon({ arrived }: Growth): void {
  Atomics.store(arrived, 0, cut)
  Atomics.notify(arrived, 0)
}

/**
 * Reads a file as it grows, to its end. `path` is opened at once, so that it may be renamed meanwhile. Throws `unavailable`
 * if it was abandoned, or `cancelled` says so.
 */
export async function* readGrowing(
  path: string,
  { arrived, size }: Growth,
  cancelled: () => boolean,
): AsyncGenerator<Buffer, void, void> {
  await using file = await openUnlessCut(path, arrived)
  for (let position = 0; position < size; ) {
    const there = await arrival(arrived, position, cancelled)
    const chunk = await readAt(file, position, Math.min(chunkSize, there - position))
    position += chunk.length
    yield chunk
  }
}

const chunkSize = 1 << 20
/** Milliseconds after which it is looked whether the reader is still wanted. */
const patience = 200

// One that was abandoned may be closed by now, and its path another file's.
async function openUnlessCut(path: string, arrived: BigInt64Array): Promise<FileHandle> {
  const isCut = () => Atomics.load(arrived, 0) === cut
  if (isCut()) throw unavailable('context canceled')
  try {
    return await open(path, 'r')
  } catch (error) {
    throw isCut() ? unavailable('context canceled') : error
  }
}

async function arrival(arrived: BigInt64Array, position: number, cancelled: () => boolean): Promise<number> {
  for (;;) {
    const there = Atomics.load(arrived, 0)
    if (there === cut || cancelled()) throw unavailable('context canceled')
    if (there > BigInt(position)) return Number(there)
    await Atomics.waitAsync(arrived, 0, there, patience).value
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, position)
  if (bytesRead === 0) throw unavailable('context canceled')
  return buffer.subarray(0, bytesRead)
}
