// Devices by the Container Device Interface, given to real containers.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { temporaryDirectory } from '../kit/temporary.ts'
import type { SystemInfo } from '../../src/api/types/system.ts'
import { call, messageOf } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

/** A device of a specification that only sets a variable. */
const gpu = (name: string, env: string) => ({ name, containerEdits: { env: [env] } })

const gantry = join(import.meta.dirname, '../../bin/gantry')

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
      args: [sh, -c, "cat > /dev/null; echo hooked > ${trace}"]
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

  const gpus = (text: string) =>
    engine.docker(['run', '--rm', '--gpus', text, 'busybox', 'sh', '-c', 'echo $GPU0 $GPU1 $ALL'])
  const info = async (version: string) =>
    (await call(engine, 'GET', '/info', undefined, `v${version}`)).body as SystemInfo

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
    const counted = { Image: 'busybox', HostConfig: { DeviceRequests: [{ Driver: 'cdi', Count: 1 }] } }
    const refusal = await call(engine, 'POST', '/containers/create', counted)
    assert.equal(refusal.status, 400)
    assert.match(messageOf(refusal), /unexpected count in CDI device request/)
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

  await suite.test('devices of a vendor are asked for by number and capability', async () => {
    const none = await gpus('all')
    assert.match(none.stderr, /could not select device driver "" with capabilities: \[\[gpu\]\]/)
    const devices = [gpu('0', 'GPU0=zero'), gpu('1', 'GPU1=one'), gpu('all', 'ALL=all')]
    const file = join(etc, 'nvidia.json')
    writeFileSync(file, JSON.stringify({ cdiVersion: '0.5.0', kind: 'nvidia.com/gpu', devices }))
    for (const [text, expected] of [
      ['all', 'all'],
      ['1', 'zero'],
      ['2', 'zero one'],
      ['"device=1"', 'one'],
      ['"device=0,nvidia.com/gpu=1","capabilities=compute,utility"', 'zero one'],
      ['driver=nvidia', 'zero'],
      ['0', ''],
    ] as const) {
      const { stdout, stderr } = await gpus(text)
      assert.equal(stdout, `${expected}\n`, `${text}: ${stderr}`)
      const [stock, own] = ['stock', 'own']
      await engine.ok(['create', '--name', stock, '--gpus', text, 'busybox'])
      await engine.run([gantry, 'create', '--name', own, '--gpus', text, 'busybox'])
      const [requests, same] = await Promise.all(
        [stock, own].map(name => engine.ok(['inspect', '--format', '{{json .HostConfig.DeviceRequests}}', name])),
      )
      assert.equal(same, requests)
      await engine.ok(['rm', stock, own])
    }
    for (const [text, why] of [
      ['3', /unresolvable CDI devices nvidia.com\/gpu=2/],
      ['9999999', /a container can't have 9999999 devices/],
      ['count=1,device=0', /cannot set both Count and DeviceIDs on device request/],
      ['driver=amd', /could not select device driver "amd"/],
      ['capabilities=tpu', /could not select device driver "" with capabilities: \[\[tpu gpu\]\]/],
    ] as const) {
      assert.match((await gpus(text)).stderr, why)
    }
    for (const text of ['count=x', 'foo=1', 'all,all', 'all,count=1', '']) {
      const [stock, own] = await Promise.all(
        ['docker', gantry].map(program => engine.run([program, 'create', '--gpus', text, 'busybox'])),
      )
      assert.equal(own?.stderr.split('\n')[0], stock?.stderr.split('\n')[0])
    }
    rmSync(file)
  })

  await suite.test('info tells which devices there are, and which files are no use', async () => {
    const wrong = join(etc, 'wrong.json')
    writeFileSync(wrong, '{')
    const { DiscoveredDevices, Warnings } = await info('1.50')
    assert.deepEqual(
      DiscoveredDevices,
      ['0', 'broken'].map(name => ({ Source: 'cdi', ID: `vendor.com/card=${name}` })),
    )
    assert.match(Warnings?.join('\n') ?? '', /CDI: Error associated with spec file .*wrong.json/)
    assert.equal('DiscoveredDevices' in (await info('1.49')), false)
    rmSync(wrong)
  })

  await suite.test('info tells where the files are', async () => {
    assert.deepEqual(JSON.parse(await engine.ok(['info', '--format', '{{json .CDISpecDirs}}'])), [etc, run])
  })
})
