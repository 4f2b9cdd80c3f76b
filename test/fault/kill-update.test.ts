// The daemon is killed in the middle of an update, before each of its first writes: the kernel's limits are then those that
// the next daemon tells of, and if the update was acknowledged, those that were asked for.

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import { cgroupsBelow } from '../kit/cgroups.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { killedAt } from './killing.ts'

const points: readonly (readonly [call: string, numbers: readonly number[]])[] = [
  ['write', [1, 2, 3, 4, 5, 6]],
  ['pwrite64', [1, 2, 3, 4, 5, 6]],
  ['fsync', [1]],
]

/** Memory in bytes and processes. */
type Limits = readonly [memory: number, processes: number]

const small: Limits = [64 * 1024 * 1024, 50]
const large: Limits = [128 * 1024 * 1024, 60]

const flags = ([memory, processes]: Limits) => [`--memory=${memory}`, '--memory-swap=-1', `--pids-limit=${processes}`]

async function told(engine: Gantryd): Promise<number[]> {
  const format = '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}'
  return (await engine.ok(['inspect', 'c1', '--format', format])).split(' ').map(Number)
}

function inKernel(engine: Gantryd, id: string): number[] {
  const groups = cgroupsBelow(engine.cgroupParent).filter(path => path.endsWith(id))
  const value = (names: readonly string[]) => {
    const path = groups.flatMap(group => names.map(name => join(group, name))).find(existsSync) ?? ''
    return Number(readFileSync(path, 'utf8'))
  }
  return [value(['memory.max', 'memory.limit_in_bytes']), value(['pids.max'])]
}

test('an update, killed at its system calls', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  const id = await engine.ok(['run', '-d', '--name', 'c1', ...flags(small), 'busybox', 'sleep', '1000'])
  let deaths = 0
  for (const [call, numbers] of points) {
    for (const number of numbers) {
      const before = await told(engine)
      const asked = before[0] === small[0] ? large : small
      const { acknowledged, dead } = await killedAt(engine, call, number, ['update', ...flags(asked), 'c1'])
      if (!dead) break
      deaths++
      await engine.killed()
      await engine.start()
      const after = await told(engine)
      const context = `killed before ${call} ${number}, acknowledged: ${acknowledged}`
      assert.deepEqual(inKernel(engine, id), after, context)
      assert.ok(
        [acknowledged ? asked : before, asked].some(limits => String(limits) === String(after)),
        context,
      )
    }
  }
  assert.ok(deaths > 5, `died ${deaths} times`)
})
