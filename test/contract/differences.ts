// Where gantryd is right to answer otherwise than the dockerd it is compared with, and why.

/** In scenario `scenario`, what dockerd prints as `from` gantryd prints as `to`. */
export interface Difference {
  readonly scenario: string
  readonly from: RegExp
  readonly to: string
  readonly why: string
}

export const differences: readonly Difference[] = []

/** The transcript gantryd must give, from dockerd's. A difference that does not occur is one to delete. */
export function expectedFrom(transcript: string, scenario: string): string {
  let expected = transcript
  for (const { from, to } of differences.filter(difference => difference.scenario === scenario))
    expected = expected.replace(from, to)
  return expected
}
