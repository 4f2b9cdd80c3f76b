// What each key of the configuration does to containers and to the daemon.

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { run } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

/** Starts the daemon again with `content` as its file. */
async function restartWith(engine: Gantryd, content: object): Promise<void> {
  writeFileSync(engine.configuration, JSON.stringify(content))
  await engine.stop()
  await engine.start()
}

test('the keys of daemon.json have their effects', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()
  const inspect = (name: string, format: string) => engine.ok(['inspect', name, '--format', format])
  const inside = (...command: string[]) => engine.ok(['run', '--rm', 'busybox', ...command])

  await suite.test('on what containers are allowed', async () => {
    const profile = join(engine.directory, 'seccomp.json')
    const rules = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }]
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: rules }))
    await restartWith(engine, {
      'no-new-privileges': true,
      'seccomp-profile': profile,
      'default-ulimits': { nofile: { Name: 'nofile', Soft: 55, Hard: 66 } },
      init: true,
    })
    assert.match(await inside('cat', '/proc/self/status'), /NoNewPrivs:\t1\n/)
    assert.equal(await inside('sh', '-c', 'mkdir /x 2>/dev/null; echo $?'), '1')
    assert.equal(await inside('sh', '-c', 'ulimit -Sn; ulimit -Hn'), '55\n66')
    assert.equal(await inside('cat', '/proc/1/comm'), 'docker-init')
  })

  await suite.test('on what containers are by default', async () => {
    await restartWith(engine, {
      'default-shm-size': 8 * 1024 * 1024,
      'default-ipc-mode': 'shareable',
      'default-cgroupns-mode': 'host',
      'log-driver': 'local',
      'log-opts': { 'max-file': '7' },
      'default-runtime': 'runc',
      labels: ['a=b'],
    })
    await engine.ok(['create', '--name', 'c1', 'busybox', 'true'])
    assert.equal(await inspect('c1', '{{.HostConfig.ShmSize}} {{.HostConfig.IpcMode}}'), '8388608 shareable')
    assert.equal(await inspect('c1', '{{.HostConfig.CgroupnsMode}} {{.HostConfig.Runtime}}'), 'host runc')
    assert.equal(await inspect('c1', '{{json .HostConfig.LogConfig}}'), '{"Type":"local","Config":{"max-file":"7"}}')
    assert.equal(
      await engine.ok(['info', '--format', '{{.Labels}} {{.LoggingDriver}} {{.DefaultRuntime}}']),
      '[a=b] local runc',
    )
    await engine.ok(['rm', 'c1'])
  })

  await suite.test('on names and addresses', async () => {
    await restartWith(engine, {
      dns: ['192.0.2.1'],
      'dns-opts': ['timeout:1'],
      'dns-search': ['example.test'],
      'host-gateway-ips': ['192.0.2.9'],
      ip: '127.0.0.1',
      mtu: 1300,
      'fixed-cidr': '10.211.0.64/26',
      'default-gateway': '10.211.0.2',
      ipv6: true,
      'fixed-cidr-v6': 'fd00:77::/64',
      icc: false,
      'ip-masq': false,
    })
    const resolv = await inside('cat', '/etc/resolv.conf')
    for (const line of ['nameserver 192.0.2.1', 'search example.test', 'options timeout:1'])
      assert.ok(resolv.includes(line))
    const addHost = ['--add-host', 'up:host-gateway']
    assert.match(await engine.ok(['run', '--rm', ...addHost, 'busybox', 'cat', '/etc/hosts']), /192\.0\.2\.9\tup/)
    await engine.ok(['run', '-d', '--name', 'c1', '-p', '8081:80', 'busybox', 'sleep', '300'])
    assert.equal(await engine.ok(['port', 'c1']), '80/tcp -> 127.0.0.1:8081')
    assert.equal(await engine.ok(['exec', 'c1', 'cat', '/sys/class/net/eth0/mtu']), '1300')
    const settings =
      '{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}} {{.NetworkSettings.GlobalIPv6Address}}'
    assert.equal(await inspect('c1', settings), '10.211.0.64 10.211.0.2 fd00:77::2')
    const options =
      '{{index .Options "com.docker.network.bridge.enable_icc"}} {{index .Options "com.docker.network.bridge.enable_ip_masquerade"}} {{index .Options "com.docker.network.bridge.host_binding_ipv4"}}'
    assert.equal(await engine.ok(['network', 'inspect', 'bridge', '--format', options]), 'false false 127.0.0.1')
    const { code } = await engine.docker(['run', '--rm', 'busybox', 'ping', '-c', '1', '-W', '1', '10.211.0.64'])
    assert.notEqual(code, 0, 'containers do not reach each other')
    await engine.ok(['rm', '-f', 'c1'])
  })

  await suite.test('on the daemon itself', async () => {
    await restartWith(engine, { 'oom-score-adjust': 123, debug: true })
    assert.equal(readFileSync(`/proc/${engine.pid}/oom_score_adj`, 'utf8'), '123\n')
    await engine.ok(['run', '-d', '--name', 'c2', 'busybox', 'sleep', '300'])
    for (const command of [
      ['cat', '/proc/1/oom_score_adj'],
      ['cat', '/proc/self/oom_score_adj'],
    ]) {
      assert.equal(await engine.ok(['exec', 'c2', ...command]), '0', 'containers do not inherit it')
    }
    assert.match(engine.log, /"level":20/)
    await engine.ok(['rm', '-f', 'c2'])
  })

  await suite.test('what cannot be honoured is refused with its name', async () => {
    for (const [content, problem] of [
      [{ iptables: false }, /--iptables cannot be used/],
      [{ 'storage-driver': 'zfs' }, /storage driver zfs is not supported/],
      [{ 'init-path': '/missing' }, /--init-path \/missing does not exist/],
      [{ 'seccomp-profile': '/missing' }, /opening seccomp profile \(\/missing\) failed/],
      [{ mtu: '1400' }, /mtu: expected a whole number, not "1400"/],
    ] as const) {
      writeFileSync(engine.configuration, JSON.stringify(content))
      // Said before the daemon that runs is in the way.
      const { code, stderr } = await run(engine.namespace.enter(engine.argv), { timeout: 20_000 })
      assert.equal(code, 1, stderr)
      assert.match(stderr, problem)
      const validated = await run([...engine.argv, '--validate'])
      assert.deepEqual([validated.code, validated.stdout], [1, ''])
      assert.match(validated.stderr, problem)
    }
    writeFileSync(engine.configuration, '{"debug": true}')
    assert.equal((await run([...engine.argv, '--validate'])).stdout, 'configuration OK\n')
  })
})
