// The daemon is killed at random while many clients work: their journal of acknowledgements is what must be true afterwards.

import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { commandLine } from '../kit/processes.ts'
import { until } from '../kit/until.ts'
import { accountsForAll, assertCounts, inventory } from './oracle.ts'

const clients = 4
const rounds = 6
const counting = 'i=0; while :; do i=$((i+1)); echo $i; usleep 1000; done'

/** States that a container may be in, by what was asked of it last; '' is absent. */
const outcomes: Record<string, { readonly done: readonly string[]; readonly cut: readonly string[] }> = {
  run: { done: ['running'], cut: ['', 'created', 'running'] },
  stop: { done: ['exited'], cut: ['running', 'exited'] },
  start: { done: ['running'], cut: ['exited', 'running'] },
  rm: { done: [''], cut: ['running', 'exited', 'created', ''] },
}

const commands: Record<string, (name: string) => string[]> = {
  run: name => ['run', '-d', '--name', name, '-v', '/data', '-p', '80', 'busybox', 'sh', '-c', counting],
  stop: name => ['stop', '--time', '0', name],
  start: name => ['start', name],
  rm: name => ['rm', '--force', '--volumes', name],
}

/** Works on one container until the daemon is gone; then returns the states it may be in. */
async function client(engine: Gantryd, name: string, present: boolean): Promise<readonly string[]> {
  const cycle = ['run', 'stop', 'start', 'rm']
  // What an earlier round left goes first, and that may be as far as it gets.
  for (let step = present ? 3 : 0; ; step = (step + 1) % cycle.length) {
    const action = cycle[step] ?? ''
    const { code } = await engine.docker(commands[action]?.(name) ?? [])
    const { done, cut } = outcomes[action] ?? { done: [], cut: [] }
    if (code !== 0) return [...done, ...cut]
  }
}

test(`killed at random, ${rounds} times, with ${clients} clients`, { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'steady', 'busybox', 'sh', '-c', counting])
  const leaving = [
    'run',
    '-d',
    '--name',
    'leaving',
    'busybox',
    'sh',
    '-c',
    'until [ -e /go ]; do usleep 1000; done; exit 9',
  ]
  await engine.ok(leaving)
  const pidOf = async (name: string) => Number(await engine.ok(['inspect', '--format', '{{.State.Pid}}', name]))
  const [steady, leavingPid] = [await pidOf('steady'), await pidOf('leaving')]
  let present: string[] = []
  for (let round = 0; round < rounds; round++) {
    const names = Array.from({ length: clients }, (_, index) => `c${index}`)
    const working = Promise.all(names.map(name => client(engine, name, present.includes(name))))
    const delay = 100 + Math.random() * 1500
    await pause(delay)
    await engine.kill9()
    const allowed = await working
    if (round === 0) {
      await engine.run(['touch', `/proc/${leavingPid}/root/go`])
      await until(() => commandLine(leavingPid).length === 0)
    }
    await engine.start()
    const told = await inventory(engine)
    for (const [index, name] of names.entries()) {
      const state = told.containers.find(container => container.name === name)?.state ?? ''
      assert.ok(
        allowed[index]?.includes(state),
        `round ${round}, after ${delay} ms: ${name} is ${state}, not ${allowed[index]}`,
      )
    }
    const used = told.containers.flatMap(({ volumes }) => volumes)
    assert.deepEqual(told.volumes, used.toSorted(), 'volumes of no container')
    await accountsForAll(engine, told)
    for (const { name } of told.containers.filter(({ state }) => state === 'running')) {
      assertCounts(await engine.ok(['logs', name]), name !== 'steady')
    }
    const find = (name: string) => told.containers.find(container => container.name === name)
    assert.deepEqual([find('steady')?.pid, find('leaving')?.state, find('leaving')?.exitCode], [steady, 'exited', 9])
    present = told.containers.map(({ name }) => name)
  }
})
