// Medians, and ratios of medians with an interval.

/** The middle of `values`; the mean of the two in the middle if their number is even. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** median(values) / median(base), and the 2.5th and 97.5th percentile of that over bootstrap resamples of both. */
export interface Ratio {
  readonly ratio: number
  readonly low: number
  readonly high: number
}

/** The ratio with its 95 % interval. `random` returns numbers in [0, 1). */
export function ratioOfMedians(values: readonly number[], base: readonly number[], random = Math.random): Ratio {
  const resamples = 2000
  const ratios = Array.from(
    { length: resamples },
    () => median(resample(values, random)) / median(resample(base, random)),
  )
  ratios.sort((a, b) => a - b)
  const at = (share: number) => ratios[Math.floor(share * (resamples - 1))] ?? Number.NaN
  return { ratio: median(values) / median(base), low: at(0.025), high: at(0.975) }
}

function resample(values: readonly number[], random: () => number): number[] {
  return values.map(() => values[Math.floor(random() * values.length)] ?? Number.NaN)
}
