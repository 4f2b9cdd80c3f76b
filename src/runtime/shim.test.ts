// The shim with real containers: start, exit, streams of the first client, failures, and life without a daemon.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Workshop, buildShims, builds, demultiplex, everything } from './shim-testing.ts'
import { readExitRecord } from './shim.ts'

before(buildShims)

for (const build of ['shipped', 'sanitized'] satisfies (keyof typeof builds)[]) {
  describe(`shim, ${build}`, () => {
    let shop: Workshop
    before(() => {
      shop = new Workshop(build)
    })
    after(() => shop[Symbol.asyncDispose]())

    test('a container runs, its output reaches a client attached before the start, its exit is told', async () => {
      const shim = shop.run(
        { args: ['sh', '-c', 'echo out; echo err >&2; exit 7'] },
        { attach: [{ stdout: true, stderr: true }] },
      )
      const [client] = shim.attached
      const output = client && everything(client)
      const { pid, startedAt } = await shim.connection.started
      assert.ok(pid > 1 && startedAt > 0n)
      const exit = await shim.connection.exited
      assert.deepEqual({ ...exit, finishedAt: 0n }, { pid, code: 7, signal: 0, oomKilled: false, finishedAt: 0n })
      assert.ok(exit && exit.finishedAt > 0n)
      assert.deepEqual(demultiplex((await output) ?? Buffer.alloc(0)), { 1: 'out\n', 2: 'err\n' })
      assert.equal(await shim.ended, 0)
      assert.deepEqual(readExitRecord(join(shim.runDir, 'exit')), exit)
    })
  })
}
