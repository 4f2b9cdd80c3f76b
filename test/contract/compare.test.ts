// The same commands against dockerd and gantryd: output and exit status must be the same.
// GANTRY_CONTRACT=self compares dockerd with itself, which checks the scenarios.

import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { startDockerd } from '../kit/dockerd.ts'
import type { Engine } from '../kit/engine.ts'
import { startGantryd } from '../kit/gantryd.ts'
import { busyboxImage } from '../kit/images.ts'
import { expectedFrom, staleDifferences } from './differences.ts'
import { writeFixtures } from './fixtures.ts'
import { normalise } from './normalise.ts'
import { impossible, perform, transcript } from './scenario.ts'
import { areas } from './scenarios/index.ts'

const self = process.env['GANTRY_CONTRACT'] === 'self'

async function prepare(engine: Engine): Promise<void> {
  const image = await busyboxImage()
  await writeFixtures(engine.scratch, image)
  await engine.ok(['load', '--quiet', '--input', image.archive])
}

/** Keeps a transcript for whoever wants to read what was compared. */
function keep(title: string, name: string, text: string): void {
  const folder = join(import.meta.dirname, '../../build/contract', title.replace(/[^\w-]+/g, '-'))
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.txt`), text)
}

test('commands give the same with gantryd as with dockerd', async suite => {
  await using reference = await startDockerd()
  await using candidate: Engine = self ? await startDockerd() : await startGantryd()
  await Promise.all([prepare(reference), prepare(candidate)])
  const id = await reference.ok(['images', '--quiet', '--no-trunc', 'busybox'])
  const known = new Map([[id.replace('sha256:', ''), '<busybox>']])
  for (const [area, scenarios] of Object.entries(areas)) {
    await suite.test(area, async group => {
      for (const [name, commands] of Object.entries(scenarios)) {
        await group.test(name, async subtest => {
          const title = `${area}: ${name}`
          const steps = await Promise.all([reference, candidate].map(engine => perform(engine, commands)))
          const skipped = impossible(steps[0] ?? [])
          for (const index of skipped) subtest.diagnostic(`not possible for dockerd here: ${commands[index]}`)
          const [given = '', actual = ''] = steps.map((all, which) =>
            normalise(
              transcript(all.filter((_, index) => !skipped.has(index))),
              which === 0 ? reference : candidate,
              known,
            ),
          )
          keep(title, 'reference', given)
          keep(title, 'candidate', actual)
          assert.equal(actual, self ? given : expectedFrom(given, title))
        })
      }
    })
  }
  await suite.test('every listed difference still occurs', { skip: self }, () => {
    assert.deepEqual(staleDifferences(), [])
  })
})
