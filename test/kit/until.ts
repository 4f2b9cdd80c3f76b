// Waiting for a condition, with a bound.

import { setTimeout as pause } from 'node:timers/promises'

export interface UntilOptions {
  /** Milliseconds to wait at most. Default 20,000. */
  readonly timeout?: number
  /** Milliseconds between two looks. Default 20. */
  readonly every?: number
  /** Names the condition in the error. */
  readonly what?: () => string
}

// In a virtual machine everything takes many times as long.
const usual = process.env.GANTRY_VM === '1' ? 300_000 : 20_000

/** Waits until `condition` returns something true, and returns that; rejects when the time is over. */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeout = usual, every = 20, what = () => String(condition) }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + timeout
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > end) throw new Error(`Not true after ${timeout} ms: ${what()}`)
    await pause(every)
  }
}
