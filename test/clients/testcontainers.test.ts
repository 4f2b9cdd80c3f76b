// Testcontainers drives the engine: containers for the time of a test, and Ryuk, which removes what a test left.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { startEngine } from '../e2e/engine.ts'
import { busyboxImage } from '../kit/images.ts'

// Takes the place of the image that Testcontainers would pull: it has the engine's socket, says that it has started, and
// answers everything with ACK.
const reaper = `test -S /var/run/docker.sock && echo Started; while :; do nc -l -p 8080 -e sh -c 'while read -r line; do echo ACK; done'; done`

test('Testcontainers', async suite => {
  await using engine = await startEngine()
  const command = ['sh', '-c', reaper]
  await engine.ok(['import', '--change', `CMD ${JSON.stringify(command)}`, (await busyboxImage()).rootfs, 'ryuk:1'])
  // In the engine's network namespace: it talks to published ports.
  const program = join(import.meta.dirname, 'testcontainers.ts')
  const env = { RYUK_CONTAINER_IMAGE: 'ryuk:1', TESTCONTAINERS_REUSE_ENABLE: 'true', HOME: engine.scratch }
  const { stdout, stderr } = await engine.run([process.execPath, program], { env, timeout: 60_000 })
  const held = new Set(stdout.split('\n'))
  const steps = [...readFileSync(program, 'utf8').matchAll(/^ {2}async '(.+)'\(\)/gm)].map(([, name = '']) => name)
  assert.ok(steps.length >= 10)
  for (const name of steps) await suite.test(name, () => assert.ok(held.has(name), stderr))

  await suite.test('Ryuk runs with the engine’s socket', async () => {
    const names = await engine.ok(['ps', '--format', '{{.Names}} {{.Image}} {{.Mounts}}'])
    assert.match(names, /^testcontainers-ryuk-\S+ ryuk:1 /m)
  })
})
