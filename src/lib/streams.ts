// Writing to streams with back-pressure.

import type { Writable } from 'node:stream'

/**
 * Writes one chunk and waits, if the stream is full, until it has room. Rejects with the signal's reason when it is
 * aborted, and with the stream's error, or ERR_STREAM_PREMATURE_CLOSE, when it is closed.
 */
export async function writeChunk(out: Writable, chunk: Uint8Array | string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  if (out.destroyed) throw closedError(out)
  if (!out.write(chunk)) await roomIn(out, signal)
}

function closedError(out: Writable): Error {
  return out.errored ?? Object.assign(new Error('The stream is closed'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
}

function roomIn(out: Writable, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onClose = () => reject(closedError(out))
  const onAbort = () => reject(signal?.reason as Error)
  out.once('drain', resolve).once('close', onClose).once('error', reject)
  signal?.addEventListener('abort', onAbort, { once: true })
  return promise.finally(() => {
    out.off('drain', resolve).off('close', onClose).off('error', reject)
    signal?.removeEventListener('abort', onAbort)
  })
}
