// The daemon is killed in the middle of each operation, at many of its system calls: what was acknowledged is there
// afterwards, what was not is there as a whole or not at all, and what ran before runs on.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { killedAt } from './killing.ts'
import { type Inventory, type Known, accountsForAll, assertCounts, inventory } from './oracle.ts'

/** A command, what comes before it, and the states in which its container may be after a crash; '' is absent. */
interface Operation {
  readonly name: string
  readonly before: readonly (readonly string[])[]
  readonly command: readonly string[]
  readonly unacknowledged: readonly string[]
  readonly acknowledged: string
}

const create = ['create', '--name', 'c1', '-v', '/data', '-v', 'named:/named', '-p', '80', 'busybox', 'sleep', '600']
const start = ['start', 'c1']

const operations: readonly Operation[] = [
  { name: 'create', before: [], command: create, unacknowledged: ['', 'created'], acknowledged: 'created' },
  { name: 'start', before: [create], command: start, unacknowledged: ['created', 'running'], acknowledged: 'running' },
  {
    name: 'run --rm',
    before: [],
    command: ['run', '--rm', '--name', 'c1', '-v', '/data', '-v', 'named:/named', 'busybox', 'true'],
    unacknowledged: [''],
    acknowledged: '',
  },
  {
    name: 'exec',
    before: [create, start],
    command: ['exec', 'c1', 'true'],
    unacknowledged: ['running'],
    acknowledged: 'running',
  },
  {
    name: 'stop',
    before: [create, start],
    command: ['stop', '--time', '0', 'c1'],
    unacknowledged: ['running', 'exited'],
    acknowledged: 'exited',
  },
  {
    name: 'rm',
    before: [create, start],
    command: ['rm', '--force', '--volumes', 'c1'],
    unacknowledged: ['running', 'exited', ''],
    acknowledged: '',
  },
]

/** System calls before which the daemon dies, and before which of them. */
const points: readonly (readonly [call: string, numbers: readonly number[]])[] = [
  ['pwrite64', [1, 2, 4, 6, 8]],
  ['fsync', [1, 2]],
  ['mkdir', [2, 4]],
  ['clone3', [1]],
  ['sendto', [2, 5]],
  ['pidfd_open', [1]],
  ['unlinkat', [1, 8]],
  ['rmdir', [1]],
  ['rename', [1]],
  ['write', [1, 3]],
  ['epoll_pwait', [2, 4, 6, 8]],
]

const without = (told: Inventory, name: string) => told.containers.filter(container => container.name !== name)

async function stateOf(told: Inventory, name: string): Promise<Known | undefined> {
  return told.containers.find(container => container.name === name)
}

// The program that counts also serves, so that it has a port, on both families, and a volume.
const counting = 'httpd -h /var/www; i=0; while :; do i=$((i+1)); echo $i; usleep 2000; done'

async function serves(engine: Gantryd): Promise<void> {
  for (const address of ['127.0.0.1', '[::1]']) {
    const { stdout } = await engine.run(['busybox', 'wget', '-qO-', `http://${address}:8080/`])
    assert.equal(stdout, 'It works\n', address)
  }
}

test('killed at its system calls', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'c0', '-p', '8080:80', '-v', 'kept:/kept', 'busybox', 'sh', '-c', counting])
  // The parts that the first of them brings up stay.
  await engine.ok(['run', '--rm', '-p', '80', 'busybox', 'true'])
  const bystander = await inventory(engine)
  for (const { name, before, command, unacknowledged, acknowledged: expected } of operations) {
    await suite.test(name, async () => {
      let deaths = 0
      for (const [call, numbers] of points) {
        for (const number of numbers) {
          for (const args of before) await engine.ok(args)
          const { acknowledged, dead } = await killedAt(engine, call, number, command)
          if (dead) {
            deaths++
            await engine.killed()
            await engine.start()
          }
          const told = await inventory(engine)
          const context = `${name}, killed before ${call} ${number}: ${dead}, acknowledged: ${acknowledged}`
          assert.deepEqual(without(told, 'c1'), bystander.containers, context)
          const state = (await stateOf(told, 'c1'))?.state ?? ''
          const allowed = acknowledged ? [expected] : [...unacknowledged, expected]
          assert.ok(allowed.includes(state), `${context}: c1 is ${JSON.stringify(state)}`)
          const referenced = told.containers.flatMap(container => container.volumes)
          assert.deepEqual(
            told.volumes.filter(volume => !referenced.includes(volume) && volume !== 'named'),
            [],
            `${context}: volumes of no container`,
          )
          await accountsForAll(engine, told).catch(error => assert.fail(`${context}: ${error.message}`))
          if (state !== '') await engine.ok(['rm', '--force', '--volumes', 'c1'])
          await engine.docker(['volume', 'rm', 'named'])
          if (!dead) break
        }
      }
      assert.ok(deaths > 5, `died ${deaths} times`)
      await serves(engine)
    })
  }
  const first = await inventory(engine)
  await engine.kill9()
  await engine.start()
  assert.deepEqual(await inventory(engine), first, 'another recovery changes nothing')
  assert.deepEqual(first, bystander)
  assertCounts(await engine.ok(['logs', 'c0']))
})
