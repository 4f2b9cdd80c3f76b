// Waiting for something, but not for ever.

import { setTimeout as delay } from 'node:timers/promises'

// Timers take at most 2^31 milliseconds.
const longestDelay = 2 ** 31 - 1

/** Resolves to true when `promise` has, and to false if that takes longer; Infinity is for ever. Rejects as it does. */
export async function within(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  if (milliseconds === Number.POSITIVE_INFINITY) return promise.then(() => true)
  const timer = new AbortController()
  const late = delay(Math.min(milliseconds, longestDelay), false, { signal: timer.signal }).catch(() => false)
  try {
    return await Promise.race([promise.then(() => true), late])
  } finally {
    timer.abort()
  }
}
