// What flags of `run` ask the engine for.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFlags } from '../flags.ts'
import { buildDefinition } from './definition.ts'
import { createFlags, runFlags } from './flags.ts'
import { parseMount, parseVolumes } from './mounts.ts'
import { parseExposed, parsePublished } from './ports.ts'

function define(...argv: string[]) {
  const { flags, operands } = parseFlags(argv, [...createFlags, ...runFlags], true)
  const [image = '', ...args] = operands
  return buildDefinition(flags, image, args, { FROM: 'outside' })
}

test('the process is as its flags say', () => {
  const definition = define('-e', 'A=1', '-e', 'FROM', '-u', '1:2', '-w', '/srv', '--entrypoint', '', 'web', 'a', '-b')
  assert.deepEqual(definition.Env, ['A=1', 'FROM=outside'])
  assert.deepEqual(definition.Cmd, ['a', '-b'])
  assert.deepEqual(definition.Entrypoint, [''])
  assert.deepEqual([definition.User, definition.WorkingDir, definition.Image], ['1:2', '/srv', 'web'])
})

test('without flags the image decides', () => {
  const { Cmd: cmd, Entrypoint: entrypoint, HostConfig: host } = define('web')
  assert.deepEqual([cmd, entrypoint, host.NetworkMode, host.RestartPolicy?.Name], [null, null, 'default', 'no'])
})

function streams(...argv: string[]) {
  const { AttachStdin, AttachStdout, AttachStderr, OpenStdin, StdinOnce } = define(...argv, 'web')
  return [AttachStdin, AttachStdout, AttachStderr, OpenStdin, StdinOnce]
}

test('streams follow -d, -i and -a', () => {
  assert.deepEqual(streams(), [false, true, true, false, false])
  assert.deepEqual(streams('-i'), [true, true, true, true, true])
  assert.deepEqual(streams('-di'), [false, false, false, true, false])
  assert.deepEqual(streams('-a', 'stdout'), [false, true, false, false, false])
  assert.throws(() => define('-a', 'tape', 'web'), /valid streams are STDIN, STDOUT and STDERR/)
})

test('limits are in bytes and nanoseconds of CPU', () => {
  const { HostConfig: host } = define('-m', '64m', '--cpus', '.5', '--ulimit', 'nofile=1024:2048', 'web')
  assert.deepEqual([host.Memory, host.NanoCpus], [64 * 1024 ** 2, 5e8])
  assert.deepEqual(host.Ulimits, [{ Name: 'nofile', Soft: 1024, Hard: 2048 }])
})

test('devices have a path on each side and permissions', () => {
  const { HostConfig: host } = define(
    '--device',
    '/dev/a',
    '--device',
    '/dev/b:/dev/c:r',
    '--device',
    '/dev/d:rw',
    'web',
  )
  assert.deepEqual(
    host.Devices?.map(device => Object.values(device).join(' ')),
    ['/dev/a /dev/a rwm', '/dev/b /dev/c r', '/dev/d /dev/d rw'],
  )
})

test('what contradicts itself is refused', () => {
  assert.throws(() => define('--rm', '--restart', 'always', 'web'), /cannot specify both --restart and --rm/)
  assert.throws(() => define('--restart', 'on-failure:x', 'web'), /must be an integer/)
})

test('published ports: address, ranges, protocols', () => {
  assert.deepEqual(parsePublished(['8080:80', '127.0.0.1::53/udp', '[::1]:81:80', '90-91:90-91', '8000-8010:9']), {
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '::1', HostPort: '81' },
    ],
    '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }],
    '90/tcp': [{ HostIp: '', HostPort: '90' }],
    '91/tcp': [{ HostIp: '', HostPort: '91' }],
    '9/tcp': [{ HostIp: '', HostPort: '8000-8010' }],
  })
})

const badPorts: [string, RegExp][] = [
  ['99999:80', /^invalid hostPort: 99999$/],
  ['80:x', /^invalid containerPort: x$/],
  ['80/icmp', /^invalid proto: icmp$/],
  ['80-82:80-81', /invalid ranges specified/],
  ['80:', /no port specified/],
]

for (const [text, expected] of badPorts) {
  test(`-p ${text} is refused`, () => {
    assert.throws(
      () => parsePublished([text]),
      (error: Error) => expected.test(error.message),
    )
  })
}

test('exposed ranges are taken apart', () => {
  assert.deepEqual(parseExposed(['80', '5-6/udp']), ['80/tcp', '5/udp', '6/udp'])
})

test('relative sources are made absolute, names are not', () => {
  const { binds, anonymous } = parseVolumes(['./a:/b', 'data:/data:ro', '/c:/d', '/cache'])
  assert.deepEqual(binds, [`${process.cwd()}/a:/b`, 'data:/data:ro', '/c:/d'])
  assert.deepEqual(anonymous, { '/cache': {} })
})

test('--mount takes fields by any of their names', () => {
  assert.deepEqual(parseMount('type=bind,src=/a,dst=/b,ro,bind-propagation=rslave'), {
    Type: 'bind',
    Source: '/a',
    Target: '/b',
    ReadOnly: true,
    BindOptions: { Propagation: 'rslave' },
  })
  assert.deepEqual(parseMount('type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1770').TmpfsOptions, {
    SizeBytes: 1024 ** 2,
    Mode: 0o1770,
  })
  assert.throws(() => parseMount('type=bind,source=/a'), /target is required/)
  assert.throws(() => parseMount('type=bind,nope=1,target=/b'), /unexpected key 'nope' in 'nope=1'/)
})

test('what Docker’s health checks lack goes into labels', () => {
  const { Labels: labels } = define(
    '-l',
    'a=b',
    '--health-probe',
    'tcp://localhost:1',
    '--health-on-failure',
    'stop',
    'web',
  )
  assert.deepEqual(labels, {
    a: 'b',
    'gantry.healthcheck': 'tcp://localhost:1',
    'gantry.health-on-failure': 'stop',
  })
  assert.deepEqual(define('--no-healthcheck', 'web').Healthcheck, { Test: ['NONE'] })
  assert.throws(
    () => define('--no-healthcheck', '--health-probe', 'tcp://localhost:1', 'web'),
    /conflicts with --health/,
  )
  assert.throws(() => define('--health-cmd', 'x', '--health-probe', 'tcp://localhost:1', 'web'), /conflicting options/)
})
