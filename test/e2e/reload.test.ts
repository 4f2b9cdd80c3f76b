// SIGHUP: what of the configuration counts at once, what waits for the next start, and what is refused.

import assert from 'node:assert/strict'
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Gantryd } from '../kit/gantryd.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

/** Makes the daemon reload `content` and waits until it has said in its log that it has, or why not. */
async function reload(engine: Gantryd, content: object | string): Promise<void> {
  writeFileSync(engine.configuration, typeof content === 'string' ? content : JSON.stringify(content))
  const before = engine.log.length
  process.kill(engine.pid, 'SIGHUP')
  await until(() =>
    /"(Reloaded the configuration|The configuration was not reloaded[^"]*)"/.test(engine.log.slice(before)),
  )
}

test('reloading the configuration', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()
  const info = (format: string) => engine.ok(['info', '--format', format])
  const inspect = (name: string, format: string) => engine.ok(['inspect', name, '--format', format])

  await suite.test('settings of the daemon count at once', async () => {
    await reload(engine, {
      debug: true,
      labels: ['rack=7'],
      'insecure-registries': ['registry.test:5000'],
      'registry-mirrors': ['https://mirror.test'],
    })
    assert.equal(await info('{{.Debug}} {{.Labels}}'), 'true [rack=7]')
    assert.equal(await info('{{.RegistryConfig.Mirrors}}'), '[https://mirror.test/]')
    assert.equal(await info('{{(index .RegistryConfig.IndexConfigs "registry.test:5000").Secure}}'), 'false')
    await until(() => engine.log.includes('"level":20'))
  })

  await suite.test('containers made afterwards get the new defaults, those before keep theirs', async () => {
    await engine.ok(['create', '--name', 'before', 'busybox', 'true'])
    await reload(engine, {
      'default-shm-size': '16m',
      'default-ipc-mode': 'shareable',
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 77, Hard: 77 } },
      'log-opts': { 'max-size': '1m' },
      dns: ['192.0.2.53'],
      init: true,
    })
    await engine.ok(['create', '--name', 'after', 'busybox', 'true'])
    const format = '{{.HostConfig.ShmSize}} {{.HostConfig.IpcMode}} {{.HostConfig.LogConfig.Config}}'
    assert.equal(await inspect('before', format), '67108864 private map[]')
    assert.equal(await inspect('after', format), '16777216 shareable map[max-size:1m]')
    const shown = await engine.ok([
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'ulimit -n; cat /etc/resolv.conf; cat /proc/1/comm',
    ])
    assert.match(shown, /^77\n(?:.*\n)*nameserver 192\.0\.2\.53\n(?:.*\n)*docker-init$/)
    await reload(engine, {})
    assert.equal(await engine.ok(['run', '--rm', 'busybox', 'cat', '/proc/1/comm']), 'cat')
  })

  await suite.test('a new runtime is probed and can be the default', async () => {
    const path = join(engine.directory, 'my-runtime')
    copyFileSync('/usr/bin/crun', path)
    await reload(engine, { runtimes: { mine: { path } }, 'default-runtime': 'mine' })
    assert.equal(await info('{{.DefaultRuntime}}'), 'mine')
    assert.equal(await engine.ok(['run', '--rm', 'busybox', 'echo', 'by mine']), 'by mine')
    await reload(engine, { runtimes: { mine: { path } } })
    assert.equal(await engine.ok(['run', '--rm', '--runtime', 'mine', 'busybox', 'echo', 'named']), 'named')
  })

  await suite.test('a container keeps its runtime, which new ones can no longer name once it is gone', async () => {
    await engine.ok(['run', '-d', '--name', 'old', '--runtime', 'mine', 'busybox', 'sleep', '300'])
    await reload(engine, {})
    assert.equal(await engine.ok(['exec', 'old', 'echo', 'on']), 'on')
    await engine.ok(['restart', '-t', '0', 'old'])
    await engine.ok(['rm', '-f', 'old'])
    await reload(engine, {})
    assert.match((await engine.docker(['run', '--rm', '--runtime', 'mine', 'busybox', 'true'])).stderr, /runtime/)
  })

  await suite.test('so does one that is made while runtimes are probed', async () => {
    const path = join(engine.directory, 'my-runtime')
    await reload(engine, { runtimes: { mine: { path } } })
    const [slow, asked, go] = ['slow-runtime', 'asked', 'go'].map(name => join(engine.directory, name)) as [
      string,
      string,
      string,
    ]
    const script = `#!/bin/sh\ntouch ${asked}; while ! [ -e ${go} ]; do sleep .02; done\nexec crun "$@"\n`
    writeFileSync(slow, script, { mode: 0o755 })
    const reloaded = reload(engine, { runtimes: { slow: { path: slow } } })
    await until(() => existsSync(asked))
    await engine.ok(['create', '--name', 'late', '--runtime', 'mine', 'busybox', 'echo', 'on'])
    writeFileSync(go, '')
    await reloaded
    assert.equal(await engine.ok(['start', '-a', 'late']), 'on')
    await engine.ok(['rm', 'late'])
    await reload(engine, {})
  })

  await suite.test('a file with a mistake changes nothing, and the log says what it is', async () => {
    await reload(engine, { labels: ['kept=1'] })
    for (const [content, problem] of [
      ['{', 'unexpected EOF'],
      [{ labels: ['lost=1'], bogus: 1 }, "the following directives don't match any configuration option: bogus"],
      [{ labels: ['lost=1'], 'default-runtime': 'missing' }, "specified default runtime 'missing' does not exist"],
      [{ labels: ['lost=1'], 'log-driver': 'missing' }, "no log driver named 'missing' is registered"],
    ] as const) {
      await reload(engine, content)
      assert.ok(engine.log.includes(problem), problem)
      assert.equal(await info('{{.Labels}}'), '[kept=1]')
    }
  })

  await suite.test('what cannot change while the daemon runs waits for its next start', async () => {
    await reload(engine, { mtu: 1400 })
    assert.match(engine.log, /A changed mtu counts from the next start of the daemon on/)
    assert.equal(await engine.ok(['run', '--rm', 'busybox', 'cat', '/sys/class/net/eth0/mtu']), '1500')
    await engine.stop()
    await engine.start()
    assert.equal(await engine.ok(['run', '--rm', 'busybox', 'cat', '/sys/class/net/eth0/mtu']), '1400')
  })

  await suite.test('the reload is an event with dockerd’s attributes', async () => {
    const since = String(Date.now() / 1000)
    await reload(engine, { 'max-concurrent-downloads': 9 })
    const end = String(Date.now() / 1000 + 1)
    const told = await engine.ok([
      'events',
      '--since',
      since,
      '--until',
      end,
      '--format',
      '{{json .}}',
      '--filter',
      'type=daemon',
    ])
    const { Action, Actor } = JSON.parse(told)
    assert.equal(Action, 'reload')
    assert.equal(Actor.ID, await info('{{.ID}}'))
    assert.equal(Actor.Attributes['max-concurrent-downloads'], '9')
    const names =
      'allow-nondistributable-artifacts debug default-cgroupns-mode default-ipc-mode default-runtime default-shm-size ' +
      'features insecure-registries labels live-restore max-concurrent-downloads max-concurrent-uploads ' +
      'max-download-attempts name registry-mirrors runtimes shutdown-timeout'
    assert.equal(Object.keys(Actor.Attributes).toSorted().join(' '), names)
  })
})
