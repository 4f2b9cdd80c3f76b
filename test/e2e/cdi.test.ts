// Devices by the Container Device Interface, given to real containers.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { temporaryDirectory } from '../kit/temporary.ts'
import { call, messageOf } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

test('devices by CDI', { skip: onDockerd }, async suite => {
  await using place = temporaryDirectory('cdi')
  const [etc, run] = [join(place.path, 'etc'), join(place.path, 'run')]
  mkdirSync(etc)
  await using engine = await startGantrydWithBusybox({ flags: [`--cdi-spec-dir=${etc}`, `--cdi-spec-dir=${run}`] })
  const trace = join(place.path, 'trace')
  writeFileSync(join(place.path, 'library'), 'library\n')
  writeFileSync(
    join(etc, 'vendor.yaml'),
    `cdiVersion: "0.6.0"
kind: vendor.com/card
containerEdits:
  mounts:
  - hostPath: ${join(place.path, 'library')}
    containerPath: /usr/lib/card.so
    options: [ro, nosuid, nodev, bind]
devices:
- name: "0"
  containerEdits:
    env: [CARD=0]
    deviceNodes:
    - path: /dev/card0
      hostPath: /dev/fuse
      permissions: r
    hooks:
    - hookName: createRuntime
      path: /bin/sh
      args: [sh, -c, "echo hooked > ${trace}"]
- name: broken
  containerEdits:
    deviceNodes:
    - path: /dev/absent
`,
  )
  const inside =
    'echo $CARD; cat /usr/lib/card.so; stat -c %A /dev/card0; exec 3</dev/card0 && echo opened; touch /usr/lib/card.so'
  const docker = (device: string, command = 'true') =>
    engine.docker(['run', '--rm', '--device', device, 'busybox', 'sh', '-c', command])

  await suite.test('a device brings its nodes, mounts, variables and hooks', async () => {
    const { stdout, stderr } = await docker('vendor.com/card=0', inside)
    assert.equal(stdout, '0\nlibrary\ncrw-rw-rw-\nopened\n', stderr)
    assert.match(stderr, /touch: .*Read-only file system/)
    assert.match((await docker('vendor.com/card=0', 'exec 3>/dev/card0')).stderr, /Operation not permitted/)
    assert.equal(await engine.run(['cat', trace]).then(({ stdout: text }) => text), 'hooked\n')
  })

  await suite.test('files are read at each start', async () => {
    await engine.ok(['create', '--name', 'later', '--device', 'vendor.com/late=x', 'busybox', 'sh', '-c', 'echo $LATE'])
    assert.match((await engine.docker(['start', '-a', 'later'])).stderr, /unresolvable CDI devices vendor.com\/late=x/)
    mkdirSync(run)
    const late = {
      cdiVersion: '0.3.0',
      kind: 'vendor.com/late',
      devices: [{ name: 'x', containerEdits: { env: ['LATE=1'] } }],
    }
    writeFileSync(join(run, 'late.json'), JSON.stringify(late))
    assert.equal(await engine.ok(['start', '-a', 'later']), '1')
    await engine.kill9()
    await engine.start()
    assert.equal(await engine.ok(['start', '-a', 'later']), '1')
    rmSync(run, { recursive: true })
    await engine.ok(['rm', 'later'])
  })

  await suite.test('what is not there is refused', async () => {
    assert.match(
      (await docker('vendor.com/card=1')).stderr,
      /CDI device injection failed: unresolvable CDI devices vendor.com\/card=1/,
    )
    assert.match(
      (await docker('vendor.com/card=broken')).stderr,
      /failed to stat "\/dev\/absent": no such file or directory/,
    )
    const { stderr } = await engine.docker(['run', '--rm', '--gpus', 'all', 'busybox', 'true'])
    assert.match(stderr, /could not select device driver "" with capabilities: \[\[gpu\]\]/)
    const unknown = { Image: 'busybox', HostConfig: { DeviceRequests: [{ Driver: 'x' }] } }
    assert.equal((await call(engine, 'POST', '/containers/create', unknown)).status, 400)
    const DeviceRequests = [{ Driver: 'cdi', DeviceIDs: ['nonsense'] }]
    const answer = await call(engine, 'POST', '/containers/create', {
      Image: 'busybox',
      HostConfig: { DeviceRequests },
    })
    assert.equal(answer.status, 400)
    assert.match(messageOf(answer), /invalid CDI device name "nonsense"/)
  })

  await suite.test('info tells where the files are', async () => {
    assert.deepEqual(JSON.parse(await engine.ok(['info', '--format', '{{json .CDISpecDirs}}'])), [etc, run])
  })
})
