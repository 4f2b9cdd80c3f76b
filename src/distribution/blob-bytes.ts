// The bytes of a blob in a registry's answer: as many as it has, and not too slowly.

import { GantryError, invalid, unavailable } from '../lib/errors.ts'
import type { BlobName } from './remote.ts'
import { type Incoming, headerOf } from './transport.ts'

/** A registry that sends less than this many bytes in a second, as long as one waits for it, is given up. */
const slowest = 256

/**
 * The bytes of an answer that are the blob's from `start` on; an answer with all of them will do. Throws `unavailable` if
 * they are cut off or come too slowly, and `invalid` if the blob has another size.
 */
export async function* checkedBytes(
  answer: Incoming,
  { digest, size }: BlobName,
  start: number,
): AsyncGenerator<Buffer, void, void> {
  const { body, url, patience } = answer
  const host = new URL(url).host
  const cutOff = (cause?: unknown) =>
    unavailable(`${host} stopped after ${at} of ${size} bytes of blob ${digest}`, { cause })
  let at = answer.status === 206 ? firstByte(answer, start) : 0
  const length = headerOf(answer, 'content-length')
  if (length !== undefined && at + Number(length) !== size) {
    body.destroy()
    throw invalid(`${host} has ${at + Number(length)} bytes for blob ${digest} instead of ${size}`)
  }
  using watch = watchRate(patience, () => void body.destroy(unavailable(`${host} sends blob ${digest} too slowly`)))
  try {
    for await (const piece of body) {
      const chunk = piece as Buffer
      watch.count(chunk.length)
      const skip = Math.max(0, start - at)
      at += chunk.length
      if (at > size) throw invalid(`${host} has more than ${size} bytes for blob ${digest}`)
      if (skip < chunk.length) yield chunk.subarray(skip)
    }
  } catch (error) {
    throw error instanceof GantryError ? error : cutOff(error)
  } finally {
    body.destroy()
  }
  if (at < size) throw cutOff()
}

function firstByte(answer: Incoming, start: number): number {
  const first = /^bytes (\d+)-/.exec(headerOf(answer, 'content-range') ?? '')?.[1]
  if (first !== undefined && Number(first) <= start) return Number(first)
  answer.body.destroy()
  throw unavailable(`${new URL(answer.url).host} answered another part of a blob than the one asked for`)
}

function watchRate(patience: number, tooSlow: () => void): Disposable & { count(bytes: number): void } {
  let bytes = 0
  const timer = setInterval(() => {
    if (bytes < (slowest * patience) / 1000) tooSlow()
    bytes = 0
  }, patience).unref()
  return {
    count: more => void (bytes += more),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}
