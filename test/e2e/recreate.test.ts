// What inspect says of a container is accepted by create, and makes the same again: Portainer and Watchtower do that.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Inspect, ask, call, messageOf, remove } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const kinds: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  limits: ['--memory', '64m', '--memory-swap', '128m', '--cpus', '.5', '--pids-limit', '20', '--cpuset-cpus', '0'],
  'lifted limits': ['--memory', '64m', '--memory-swap', '-1', '--pids-limit', '-1', '--memory-swappiness', '-1'],
  ulimits: ['--ulimit', 'nofile=100:200', '--ulimit', 'core=-1', '--oom-score-adj', '100', '--shm-size', '1m'],
  'names and places': ['--hostname', 'there', '--domainname', 'example.com', '-w', '/tmp', '-u', '5:6', '-e', 'A=b'],
  network: ['-p', '127.0.0.1:0:80', '-p', '81/udp', '--expose', '90-91', '--mac-address', '02:42:00:00:00:09', '-P'],
  resolver: ['--dns', '1.2.3.4', '--dns-search', 'x.y', '--dns-option', 'ndots:2', '--add-host', 'a:1.2.3.4'],
  'the host’s network': ['--network', 'host'],
  'no network': ['--network', 'none'],
  'another’s network': ['--network', 'container:donor'],
  'another’s processes': ['--pid', 'container:donor', '--ipc', 'container:donor'],
  'the host’s names': ['--uts', 'host', '--pid', 'host', '--ipc', 'host', '--cgroupns', 'host'],
  privileges: ['--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN', '--security-opt', 'no-new-privileges', '--privileged'],
  devices: ['--device', '/dev/null:/dev/x:r', '--device-cgroup-rule', 'c 1:11 r', '--group-add', '7'],
  mounts: ['-v', 'data:/data', '-v', '/tmp:/host:ro', '-v', '/anonymous', '--tmpfs', '/t:size=1m', '--read-only'],
  'mounts by name': ['--mount', 'type=volume,src=data,dst=/d', '--mount', 'type=tmpfs,dst=/t,tmpfs-size=1m'],
  life: [
    '--restart',
    'on-failure:3',
    '--init',
    '--stop-signal',
    'USR1',
    '--stop-timeout',
    '-1',
    '--log-opt',
    'max-size=1m',
  ],
  streams: ['-i', '-t', '-l', 'a=b', '--annotation', 'c=d', '--runtime', 'crun', '--entrypoint', ''],
  health: ['--health-cmd', 'true', '--health-interval', '10s', '--health-retries', '2'],
  'no health': ['--no-healthcheck', '--sysctl', 'kernel.msgmax=4096'],
}

// What every container has its own of.
const own = ['MacAddress', 'NetworkID', 'EndpointID', 'Gateway', 'IPAddress', 'IPPrefixLen', 'DNSNames']

function shape({
  Config: config,
  HostConfig: hostConfig,
  NetworkSettings: { Networks: networks },
  Mounts: mounts,
}: Inspect) {
  const endpoints = Object.entries(networks).map(([name, endpoint]) => [
    name,
    Object.entries(endpoint as object).filter(([key]) => !own.includes(key)),
  ])
  return { config, hostConfig, endpoints, mounts: mounts.length }
}

test('what inspect says of a container is accepted by create', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '-d', '--name', 'donor', '--ipc', 'shareable', 'busybox', 'sleep', '300'])
  for (const [kind, flags] of Object.entries(kinds)) {
    await suite.test(kind, async () => {
      await engine.ok(['create', '--name', 'first', ...flags, 'busybox', 'sleep', '300'])
      for (const version of ['v1.24', 'v1.40', 'v1.44', 'v1.52']) {
        const first = await ask<Inspect>(engine, 'GET', '/containers/first/json', undefined, version)
        const { Config: config, HostConfig, NetworkSettings: settings } = first
        const body = { ...config, HostConfig, NetworkingConfig: { EndpointsConfig: settings.Networks } }
        const answer = await call(engine, 'POST', '/containers/create?name=/second', body, version)
        assert.equal(answer.status, 201, `${version}: ${messageOf(answer)}`)
        const second = await ask<Inspect>(engine, 'GET', '/containers/second/json', undefined, version)
        assert.deepEqual(shape(second), shape(first), version)
        await remove(engine, 'second')
      }
      await remove(engine, 'first')
    })
  }
  await engine.ok(['rm', '-f', 'donor'])
})
