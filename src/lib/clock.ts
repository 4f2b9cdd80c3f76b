// Time as it is passed into the engine, and as the Engine API writes it.

/** Wall-clock time. */
export interface Clock {
  /** Nanoseconds since the Unix epoch. */
  now(): bigint
}

const startWall = BigInt(Date.now()) * 1_000_000n
const startMonotonic = process.hrtime.bigint()

/** The host's clock; sub-millisecond digits come from the monotonic clock, so that events keep their order. */
export const systemClock: Clock = {
  now() {
    const millis = BigInt(Date.now()) * 1_000_000n
    const guess = startWall + (process.hrtime.bigint() - startMonotonic)
    const drift = guess - millis
    return drift >= 0n && drift < 50_000_000n ? guess : millis
  },
}

/** The zero time of Go, which the Engine API shows where something has not happened yet. */
export const zeroTime = '0001-01-01T00:00:00Z'

/** RFC 3339 in UTC with nanoseconds, trailing zeros dropped (Go's RFC3339Nano). */
export function formatTime(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19)
  const fraction = (nanos % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '')
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`
}

/** Nanoseconds of an RFC 3339 time with any fraction and offset; undefined if `text` is not one. */
export function parseTime(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|z|[+-]\d\d:\d\d)$/.exec(text)
  if (!match) return undefined
  const [, date, time, fraction = '', zone] = match
  const millis = Date.parse(`${date}T${time}${zone?.toUpperCase()}`)
  if (Number.isNaN(millis)) return undefined
  return BigInt(millis) * 1_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
}
