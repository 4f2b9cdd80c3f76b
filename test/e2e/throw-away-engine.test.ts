// Engines of script/demo and script/dev: nothing of them is left, whenever their script ends.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { run } from '../kit/command.ts'
import { busyboxImage } from '../kit/images.ts'
import { networkNamespace } from '../kit/netns.ts'
import { allPids, processesMentioning } from '../kit/processes.ts'

const root = join(import.meta.dirname, '../..')

// Prints where the engine is before `then` is done with it.
const script = (then: string) => `set -eu
. script/engine.sh
engine_prepare test
echo "$engine_place"
bin/gantryd $engine_flags >"$engine_place/log" 2>&1 &
engine_pid=$!
${then}`

/** Runs such a script in a network namespace of its own. */
async function runScript(then: string) {
  await using namespace = await networkNamespace()
  const result = await run(namespace.enter(['sh', '-c', script(then)]), { cwd: root })
  return { ...result, place: result.stdout.split('\n', 1)[0] ?? '' }
}

function assertNothingIsLeft(place: string): void {
  assert.match(place, /^\/var\/tmp\/gantry-test\./)
  assert.deepEqual([...processesMentioning(place, allPids()).values()], [])
  assert.equal(existsSync(place), false)
}

test('an engine that does not listen yet is ended with the script', async () => {
  const { code, place, stderr } = await runScript('kill -TERM $$')
  assertNothingIsLeft(place)
  assert.deepEqual([code, stderr], [143, ''])
})

test('an engine is removed with its containers', async () => {
  const { archive } = await busyboxImage()
  const { code, place, stdout, stderr } = await runScript(`engine_wait $engine_pid
bin/gantry load --quiet --input ${archive}
bin/gantry run --detach --name runs busybox sleep 600
bin/gantry create --name made busybox`)
  assertNothingIsLeft(place)
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(stdout.trim().split('\n').length, 4)
})
