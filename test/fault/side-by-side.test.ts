// Daemons that come and go beside others and under load.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import { removeCgroups } from '../kit/cgroups.ts'
import { accountsForAll, inventory } from './oracle.ts'

const gantrydOnly = { skip: onDockerd }
const count = 50

test(`SIGTERM with ${count} containers and their clients attached takes no time`, gantrydOnly, async context => {
  await using engine = await startGantrydWithBusybox()
  const names = Array.from({ length: count }, (_, index) => `c${index}`)
  const counting = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done'
  for (const name of names) await engine.ok(['run', '-d', '--name', name, '-p', '80', 'busybox', 'sh', '-c', counting])
  const before = await inventory(engine)
  await using clients = new AsyncDisposableStack()
  const watching = [
    ...names.slice(0, 10).map(name => ['attach', '--no-stdin', name]),
    ...names.slice(10, 20).map(name => ['logs', '--follow', name]),
    ...names.slice(20, 25).map(name => ['wait', name]),
    ...names.slice(25, 30).map(name => ['exec', name, 'sleep', '600']),
    ['events'],
    ['stats'],
  ].map(args => clients.use(engine.watch(args)))
  await Promise.all(watching.slice(0, 20).map(client => client.prints(/\d+\n/)))
  const asked = performance.now()
  assert.equal(await engine.stop(), 0)
  const took = performance.now() - asked
  context.diagnostic(`${Math.round(took)} ms`)
  // Promised is a second; a machine busy with other tests may take three.
  assert.ok(took < 3000, `${took} ms`)
  await Promise.all(watching.map(client => client.finish(5000)))
  await engine.start()
  assert.deepEqual(await inventory(engine), before)
  await accountsForAll(engine, before)
})

test('daemons that share a parent cgroup leave each other alone', gantrydOnly, async () => {
  const flags = ['--cgroup-parent=/gantry-test-shared']
  using cleanup = new DisposableStack()
  cleanup.defer(() => removeCgroups('gantry-test-shared'))
  await using first = await startGantrydWithBusybox({ flags })
  await first.ok(['run', '-d', '--name', 'c1', '-p', '8080:80', 'busybox', 'httpd', '-f', '-h', '/var/www'])
  const told = await inventory(first)
  await using second = await startGantrydWithBusybox({ flags })
  await second.ok(['run', '-d', '--name', 'c1', 'busybox', 'sleep', '600'])
  for (const engine of [first, second]) {
    await engine.kill9()
    await engine.start()
  }
  assert.deepEqual(await inventory(first), told)
  assert.equal((await first.run(['busybox', 'wget', '-qO-', 'http://127.0.0.1:8080/'])).stdout, 'It works\n')
  assert.equal((await inventory(second)).containers[0]?.state, 'running')
})

test('daemons in one network namespace keep to their own bridge and table', gantrydOnly, async () => {
  await using first = await startGantrydWithBusybox({ checkLeaks: false })
  const serving = ['-p', '8080:80', 'busybox', 'httpd', '-f', '-h', '/var/www']
  await first.ok(['run', '-d', '--name', 'c1', ...serving])
  await using second = await startGantrydWithBusybox({
    flags: ['--bridge=gtwo'],
    bip: '10.212.0.1/24',
    namespace: first.namespace,
  })
  const taken = await second.docker(['run', '--rm', ...serving])
  assert.equal(taken.code, 125)
  assert.match(taken.stderr, /address already in use|port is already allocated/)
  await second.ok(['run', '-d', '--name', 'c1', '-p', '8081:80', ...serving.slice(2)])
  const fetch = async (port: number) =>
    (await first.run(['busybox', 'wget', '-qO-', `http://127.0.0.1:${port}/`])).stdout
  for (const round of [0, 1, 2]) {
    assert.deepEqual([await fetch(8080), await fetch(8081)], ['It works\n', 'It works\n'], `round ${round}`)
    const engine = round === 0 ? first : second
    await engine.kill9()
    await engine.start()
  }
  await second.ok(['rm', '--force', 'c1'])
  assert.equal(await fetch(8080), 'It works\n')
})
