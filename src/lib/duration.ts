// Durations as text: in words, as `docker ps` shows them, and as Go prints them.

const words: readonly [limit: number, (seconds: number) => string][] = [
  [1, () => 'Less than a second'],
  [2, () => '1 second'],
  [60, s => `${Math.floor(s)} seconds`],
  [120, () => 'About a minute'],
  [3600, s => `${Math.floor(s / 60)} minutes`],
  [5400, () => 'About an hour'],
  [3600 * 47.5, s => `${Math.round(s / 3600)} hours`],
  [3600 * (24 * 14 - 0.5), s => `${Math.floor(Math.round(s / 3600) / 24)} days`],
  [3600 * (24 * 60 - 0.5), s => `${Math.floor(Math.round(s / 3600) / 24 / 7)} weeks`],
  [3600 * (24 * 730 - 0.5), s => `${Math.floor(Math.round(s / 3600) / 24 / 30)} months`],
  [Number.POSITIVE_INFINITY, s => `${Math.floor(s / 86400 / 365)} years`],
]

/** `seconds` in the coarse words of Docker's lists, such as `About an hour`. */
export function humanDuration(seconds: number): string {
  const [, say] = words.find(([limit]) => seconds < limit) ?? []
  return say?.(Math.max(0, seconds)) ?? ''
}

const units: readonly [name: string, nanos: number][] = [
  ['h', 3600e9],
  ['m', 60e9],
  ['s', 1e9],
]

/** A duration of so many nanoseconds as Go prints it: `1m30s`, `1.5s`, `100ms`, `0s`. */
export function goDuration(nanos: number): string {
  if (nanos === 0) return '0s'
  if (nanos < 1e3) return `${nanos}ns`
  if (nanos < 1e6) return `${nanos / 1e3}µs`
  if (nanos < 1e9) return `${nanos / 1e6}ms`
  let rest = nanos
  let text = ''
  for (const [name, size] of units) {
    const count = name === 's' ? rest / size : Math.floor(rest / size)
    if (text !== '' || count >= 1) text += `${count}${name}`
    rest %= size
  }
  return text
}
