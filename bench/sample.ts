// Taking samples so that a drift of the machine meets all engines alike.

import { output } from '../test/kit/command.ts'
import type { Engine } from '../test/kit/engine.ts'

/** One figure of one engine: milliseconds or bytes. */
export type Measure = (engine: Engine, round: number) => Promise<number>

/**
 * Measures each engine `samples` times, in the order A,B,…,B,A, with a `sync` between rounds. The first round is not
 * counted. The same engine may be listed twice: its two rows then show what is noise.
 */
export async function sampleAll(engines: readonly Engine[], measure: Measure, samples: number): Promise<number[][]> {
  const taken = engines.map((): number[] => [])
  const order = [...engines.keys()]
  for (let round = 0; round <= Math.ceil(samples / 2); round++) {
    await output(['sync'])
    for (const index of [...order, ...order.toReversed()]) {
      const value = await measure(engines[index] as Engine, round)
      if (round > 0) taken[index]?.push(value)
    }
  }
  return taken
}

/** Milliseconds that `body` takes. */
export async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await body()
  return performance.now() - start
}
