// docker-py, as Debian has it, drives the engine.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { startEngine } from '../e2e/engine.ts'

const program = join(import.meta.dirname, 'docker_py.py')

test('docker-py', async suite => {
  await using engine = await startEngine()
  // Debian's Python: that is where its package is.
  const { stdout, stderr } = await engine.run(['/usr/bin/python3', program, engine.socket])
  const held = new Set(stdout.split('\n'))
  const steps = [...readFileSync(program, 'utf8').matchAll(/^@step\ndef (\w+)/gm)].map(([, name = '']) => name)
  assert.ok(steps.length > 10)
  for (const name of steps) await suite.test(name.replaceAll('_', ' '), () => assert.ok(held.has(name), stderr))
})
