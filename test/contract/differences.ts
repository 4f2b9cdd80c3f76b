// Where gantryd is right to answer otherwise than the dockerd it is compared with, and why.

/** What dockerd prints as `from` gantryd prints as `to`. As narrow as it can be. */
export interface Difference {
  /** `area: name`; without it, any. */
  readonly scenario?: string
  readonly from: RegExp
  readonly to: string
  readonly why: string
}

export const differences: readonly Difference[] = []

const used = new Set<Difference>()

/** The transcript gantryd must give, from dockerd's. */
export function expectedFrom(transcript: string, scenario: string): string {
  let expected = transcript
  for (const difference of differences) {
    if (difference.scenario !== undefined && difference.scenario !== scenario) continue
    if (expected.search(difference.from) >= 0) used.add(difference)
    expected = expected.replace(difference.from, difference.to)
  }
  return expected
}

/** Differences that did not occur in any transcript so far: they are to be deleted. */
export function staleDifferences(): Difference[] {
  return differences.filter(difference => !used.has(difference))
}
