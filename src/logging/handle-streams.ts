// Reading and writing by file handles, which stay their owner's: a stream of Node's closes its descriptor when it is destroyed.

import type { FileHandle } from 'node:fs/promises'

const chunkSize = 64 * 1024

/** The bytes of a file from its beginning, wherever the handle stands. */
export async function* bytesOf(file: FileHandle): AsyncGenerator<Buffer, void, void> {
  for (let position = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(chunkSize), 0, chunkSize, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** The last part of a pipeline: writes all of `source` to a file, from its beginning. */
export const writtenTo =
  (file: FileHandle) =>
  async (source: AsyncIterable<Buffer>): Promise<void> => {
    let position = 0
    for await (const chunk of source) {
      for (let rest = chunk; rest.length > 0; ) {
        const { bytesWritten } = await file.write(rest, 0, rest.length, position)
        position += bytesWritten
        rest = rest.subarray(bytesWritten)
      }
    }
  }
