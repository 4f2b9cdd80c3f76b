// Shims and runtimes that are killed: the end is recorded once, and nothing that they held is left.

import assert from 'node:assert/strict'
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { allPids, processesMentioning } from '../kit/processes.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { accountsForAll, inventory } from './oracle.ts'

const gantrydOnly = { skip: onDockerd }

function shimOf(engine: Gantryd, mode: 'run' | 'exec', id: string): number {
  const shims = processesMentioning(`${engine.execRoot}/containers/${id}`, allPids())
  const found = [...shims].find(([, command]) => command.includes(`--mode ${mode}`))
  return found?.[0] ?? assert.fail(`no shim to ${mode} ${id}`)
}

const stateOf = (engine: Gantryd, name: string) =>
  engine.ok(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', name])

const runSleeping = (engine: Gantryd, name: string) =>
  engine.ok(['run', '-d', '--name', name, '-p', '80', '-v', '/data', 'busybox', 'sleep', '600'])

const sleepers = () => [...processesMentioning('4242', allPids()).values()].filter(command => command === 'sleep 4242')

test('a shim that is killed', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()
  await using events = engine.watch(['events', '--filter', 'event=die', '--format', '{{.Actor.Attributes.name}}'])

  await suite.test('takes its container along: 137, once', async () => {
    const id = await runSleeping(engine, 'c1')
    const waiting = engine.docker(['wait', 'c1'])
    process.kill(shimOf(engine, 'run', id), 'SIGKILL')
    assert.equal((await waiting).stdout, '137\n')
    assert.equal(await stateOf(engine, 'c1'), 'exited 137')
    await accountsForAll(engine, await inventory(engine))
    await engine.ok(['start', 'c1'])
    await engine.ok(['kill', 'c1'])
    await until(async () => (await stateOf(engine, 'c1')) === 'exited 137')
    await events.prints(/c1\nc1\n/)
    assert.equal(events.stdout, 'c1\nc1\n')
  })

  await suite.test('while no daemon is there, too', async () => {
    const id = await runSleeping(engine, 'c2')
    await engine.ok(['run', '-d', '--rm', '--name', 'c3', '-v', '/data', 'busybox', 'sleep', '600'])
    const other = await engine.ok(['inspect', '--format', '{{.Id}}', 'c3'])
    const shims = [shimOf(engine, 'run', id), shimOf(engine, 'run', other)]
    await engine.kill9()
    for (const shim of shims) process.kill(shim, 'SIGKILL')
    await engine.start()
    assert.equal(await stateOf(engine, 'c2'), 'exited 137')
    assert.equal((await engine.docker(['inspect', 'c3'])).code, 1)
    await accountsForAll(engine, await inventory(engine))
  })

  await suite.test('takes an exec along, and leaves the container', async () => {
    const id = await runSleeping(engine, 'c4')
    await using exec = engine.watch(['exec', 'c4', 'sleep', '4242'])
    await until(() => sleepers().length > 0)
    process.kill(shimOf(engine, 'exec', id), 'SIGKILL')
    assert.equal((await exec.finish()).code, 137)
    await until(() => sleepers().length === 0)
    assert.equal(await engine.ok(['exec', 'c4', 'echo', 'well']), 'well')
  })
})

test('an exec of a former daemon ends for good', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const id = await runSleeping(engine, 'c1')
  const before = engine.footprint()
  await engine.ok(['exec', '-d', 'c1', 'sh', '-c', 'until [ -e /go ]; do usleep 1000; done; sleep 0.2'])
  await engine.kill9()
  await engine.start()
  const place = join(engine.execRoot, 'containers', id, 'exec')
  assert.ok(existsSync(`/proc/${shimOf(engine, 'exec', id)}`))
  await engine.ok(['exec', 'c1', 'touch', '/go'])
  await until(() => readdirSync(place).length === 0)
  // A container that was found has one more: the descriptor of its shim.
  await engine.settles({ ...before, descriptors: [...(before.descriptors ?? []), 'anon_inode:[pidfd]'] })
})

/** What happens to a runtime, as shell; the arguments are crun's. */
const fates: Readonly<Record<string, string>> = {
  'before it has done anything': 'kill -9 $$',
  'while it makes the container':
    'exec strace -f -qq -o /dev/null -e trace=mount -e inject=mount:signal=SIGKILL:when=3 crun "$@"',
  'after the container runs': 'crun "$@"; kill -9 $$',
}

test('a runtime that is killed fails the start and leaves nothing', gantrydOnly, async suite => {
  await using place = temporaryDirectory('runtime')
  const [runtime, fate] = [join(place.path, 'frail'), join(place.path, 'fate')]
  writeFileSync(runtime, `#!/bin/sh\nif [ -e ${fate} ]; then . ${fate}; fi\nexec crun "$@"\n`, { mode: 0o755 })
  await using engine = await startGantrydWithBusybox({ flags: [`--add-runtime=frail=${runtime}`] })
  const flags = ['--runtime', 'frail', '--name', 'c1', '-p', '80', '-v', '/data']
  for (const [when, script] of Object.entries(fates)) {
    await suite.test(when, async () => {
      await engine.ok(['create', ...flags, 'busybox', 'sleep', '600'])
      await engine.ok(['start', 'c1'])
      await engine.ok(['stop', '--time', '0', 'c1'])
      const before = engine.footprint()
      writeFileSync(fate, script)
      assert.notEqual((await engine.docker(['start', 'c1'])).code, 0)
      assert.equal((await stateOf(engine, 'c1')).split(' ')[0], 'exited')
      await engine.settles(before)
      rmSync(fate)
      await engine.ok(['start', 'c1'])
      await engine.ok(['rm', '--force', '--volumes', 'c1'])
    })
  }
})
