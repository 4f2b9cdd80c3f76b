// Flags and file: what they come to, and what is wrong with them.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from '../lib/errors.ts'
import { loadConfig } from './config.ts'
import { parseHost } from './config/hosts.ts'
import { silentLog } from '../lib/log.ts'
import { listenAddresses } from './listeners.ts'
import { ServiceManager } from './service-manager.ts'

const dir = mkdtempSync(join(tmpdir(), 'config-'))
after(() => rmSync(dir, { recursive: true }))

function withFile(content: unknown, ...args: string[]) {
  const path = join(dir, 'daemon.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  const command = loadConfig(['--config-file', path, ...args])
  assert.equal(command.kind, 'run')
  return command
}

const load = (...args: string[]) => withFile({}, ...args)

const readRuntime = (runtime: object) => withFile({ runtimes: { r: runtime } }).config.runtimes.r?.path

test('without anything, the defaults count', () => {
  const { config, notices } = load()
  assert.deepEqual(config.hosts, [{ kind: 'unix', path: '/run/gantry.sock' }])
  assert.equal(config.dataRoot, '/var/lib/gantry')
  assert.equal(config.execRoot, '/run/gantry')
  assert.equal(config.pidfile, '/run/gantry/gantryd.pid')
  assert.equal(config.groupRequired, false)
  assert.equal(config.tls, undefined)
  assert.deepEqual(notices, [])
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.hosts))
})

test('flags are read as pflag reads them', () => {
  const { config } = load(
    '-Dl',
    'warn',
    '-Htcp://:2375',
    '--host=unix:///a',
    '-H',
    'unix:///b',
    '--icc=false',
    '--init',
  )
  assert.equal(config.logLevel, 'debug')
  assert.equal(config.interContainer, false)
  assert.equal(config.init, true)
  assert.deepEqual(
    config.hosts.map(host => host.kind),
    ['tcp', 'unix', 'unix'],
  )
  assert.equal(load('--log-level=WARN').config.logLevel, 'warn')
  assert.equal(load('--exec-root', '/x/run').config.pidfile, '/x/run/gantryd.pid')
  assert.equal(load('-G', 'docker').config.groupRequired, true)
})

test('values have their types, from a flag and from the file', () => {
  const flags = load(
    '--add-runtime',
    'crun=/usr/bin/crun',
    '--default-ulimit=nofile=1:2',
    '--default-shm-size=1g',
    '--log-opt',
    'max-size=1m',
    '--log-opt=max-file=3',
    '--dns',
    '1.1.1.1,::1',
    '--default-address-pool',
    'base=10.0.0.0/8,size=24',
  )
  const file = withFile({
    runtimes: { crun: { path: '/usr/bin/crun' } },
    'default-ulimits': { nofile: { Name: 'nofile', Soft: 1, Hard: 2 } },
    'default-shm-size': '1g',
    'log-opts': { 'max-size': '1m', 'max-file': '3' },
    dns: ['1.1.1.1', '::1'],
    'default-address-pools': [{ base: '10.0.0.0/8', size: 24 }],
  })
  for (const { config } of [flags, file]) {
    assert.deepEqual(config.runtimes, { crun: { path: '/usr/bin/crun', runtimeArgs: [] } })
    assert.deepEqual(config.defaultUlimits, { nofile: { Name: 'nofile', Soft: 1, Hard: 2 } })
    assert.equal(config.defaultShmSize, 2 ** 30)
    assert.deepEqual(config.logOptions, { 'max-size': '1m', 'max-file': '3' })
    assert.deepEqual(config.dns, ['1.1.1.1', '::1'])
    assert.deepEqual(config.addressPools, [{ base: '10.0.0.0/8', size: 24 }])
  }
})

test('a flag counts more than the file, and says so only if they differ', () => {
  const same = withFile({ 'data-root': '/a', debug: true }, '--data-root', '/a', '-D')
  assert.deepEqual(same.notices, [])
  const { config, notices } = withFile({ hosts: ['unix:///file'], mtu: 1400 }, '-H', 'unix:///flag')
  assert.deepEqual(config.hosts, [{ kind: 'unix', path: '/flag' }])
  assert.equal(config.mtu, 1400)
  assert.equal(notices.length, 1)
  assert.match(notices[0] ?? '', /^host is set twice: the flag \(\["unix:\/\/\/flag"\]\) counts/)
})

test('what means nothing here is accepted with a notice', () => {
  const { notices } = withFile(
    {
      'live-restore': true,
      'userland-proxy': false,
      features: { buildkit: true },
      builder: { gc: {} },
      'exec-opts': ['native.cgroupdriver=systemd'],
    },
    '--containerd=/run/containerd.sock',
  )
  assert.equal(notices.length, 6)
  assert.ok(notices.includes('--live-restore is ignored: Gantry always does it'))
})

test('insecure registries are named without a scheme', () => {
  const { config, notices } = withFile({ 'insecure-registries': ['http://x:5000', 'y'] })
  assert.deepEqual(config.insecureRegistries, ['x:5000', 'y'])
  assert.equal(notices.length, 1)
})

test('what would be unsafe to ignore is refused', () => {
  for (const args of [['--authorization-plugin', 'x'], ['--rootless'], ['--api-cors-header=*']]) {
    assert.throws(() => load(...args), { kind: 'invalid', message: /cannot be used/ })
  }
  assert.doesNotThrow(() => load('--rootless=false'))
})

test('with TLS, the default port changes and clients may have to show a certificate', () => {
  const { config } = load('--tlsverify', '--tlscacert=/ca', '-H', 'tcp://10.0.0.1')
  assert.deepEqual(config.tls, { certificate: '/etc/gantry/cert.pem', key: '/etc/gantry/key.pem', ca: '/ca' })
  assert.deepEqual(config.hosts, [{ kind: 'tcp', host: '10.0.0.1', port: 2376 }])
  assert.equal(load('--tls').config.tls?.ca, undefined)
})

const wrongFlags: [string[], string][] = [
  [['--bogus'], 'unknown flag: --bogus'],
  [['-Z'], "unknown shorthand flag: 'Z' in -Z"],
  [['--debug=x'], 'invalid argument "x" for "-D, --debug" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  [['--mtu', 'x'], 'invalid argument "x" for "--mtu" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  [['--mtu'], 'flag needs an argument: --mtu'],
  [['-H'], "flag needs an argument: 'H' in -H"],
  [
    ['-H', 'foo://x'],
    'invalid argument "foo://x" for "-H, --host" flag: invalid bind address (foo://x): unsupported proto \'foo\'',
  ],
  [['--label', 'x'], 'invalid argument "x" for "--label" flag: bad attribute format: x'],
  [['--exec-opt', 'x'], "invalid exec-opt (x): must be formatted 'opt=value'"],
  [['--log-level=loud'], 'invalid argument "loud" for "-l, --log-level" flag: invalid logging level: loud'],
  [
    ['--default-ulimit', 'nofile=3:2'],
    'invalid argument "nofile=3:2" for "--default-ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 3 > 2',
  ],
  [['--label', 'a=1', '--label', 'a=2'], 'conflict labels for a=2 and a=1'],
  [['extra'], 'unexpected argument: extra'],
]
for (const [args, message] of wrongFlags) {
  test(`gantryd ${args.join(' ')} is refused`, () => assert.throws(() => load(...args), { kind: 'invalid', message }))
}

const wrongFiles: [unknown, string][] = [
  [{ bogus: 1, other: 2 }, "the following directives don't match any configuration option: bogus, other"],
  ['{', 'unexpected EOF'],
  ['[]', 'the file must be an object'],
  [{ debug: 'yes' }, 'debug: expected true or false, not "yes"'],
  [{ hosts: 'unix:///x' }, 'hosts: expected a list, not "unix:///x"'],
  [{ 'registry-timeout': '1ms' }, 'registry-timeout: expected a duration from 1s to 500h'],
  [{ 'registry-mirrors': ['x'] }, 'registry-mirrors: invalid mirror: unsupported scheme "" in "x"'],
]
for (const [content, message] of wrongFiles) {
  test(`the file ${JSON.stringify(content)} is refused`, () => {
    const path = join(dir, 'daemon.json')
    const whole = `unable to configure the daemon with file ${path}: ${message}`
    assert.throws(() => withFile(content), { kind: 'invalid', message: whole })
  })
}

test('a runtime may be named by the type that dockerd has for OCI runtimes', () => {
  const runtimeType = 'io.containerd.runc.v2'
  assert.equal(readRuntime({ runtimeType, options: { BinaryName: '/usr/bin/crun' } }), '/usr/bin/crun')
  assert.equal(readRuntime({ runtimeType }), 'runc')
  assert.throws(() => readRuntime({ runtimeType: 'io.containerd.kata.v2' }), /which needs containerd/)
  assert.throws(() => readRuntime({ runtimeType, path: '/usr/bin/crun' }), /has both a path and a runtimeType/)
})

test('a missing file counts only if it was named', () => {
  assert.throws(() => loadConfig(['--config-file', join(dir, 'missing')]), { kind: 'invalid', message: /ENOENT/ })
})

test('questions are answered without a daemon', () => {
  const help = loadConfig(['--help'])
  assert.ok(help.kind === 'help' && help.text.includes('  -H, --host list '))
  assert.equal(loadConfig(['-v']).kind, 'version')
  writeFileSync(join(dir, 'ok.json'), '{"debug":true}')
  assert.equal(loadConfig(['--validate', '--config-file', join(dir, 'ok.json')]).kind, 'validated')
})

test('whatever the file says, it is read or refused as invalid', () => {
  const key = fc.constantFrom('debug', 'hosts', 'runtimes', 'log-opts', 'mtu', 'dns', 'default-ulimits', 'proxies', 'x')
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue()), content => {
      try {
        withFile(content)
      } catch (error) {
        assert.equal(kindOf(error), 'invalid')
      }
    }),
    { numRuns: 200 },
  )
})

const hosts: [string, unknown][] = [
  ['', { kind: 'unix', path: '/run/gantry.sock' }],
  ['unix://', { kind: 'unix', path: '/run/gantry.sock' }],
  ['unix:///a/b', { kind: 'unix', path: '/a/b' }],
  ['tcp://', { kind: 'tcp', host: 'localhost', port: 2375 }],
  ['tcp://[::1]:80', { kind: 'tcp', host: '::1', port: 80 }],
  ['0.0.0.0:2375', { kind: 'tcp', host: '0.0.0.0', port: 2375 }],
  ['fd://', { kind: 'fd', name: '' }],
]
for (const [text, host] of hosts) test(`-H '${text}' is an address`, () => assert.deepEqual(parseHost(text), host))

for (const text of ['tcp://a:0', 'tcp://a:x', 'tcp://a/b', 'unix://a', 'tcp://[x]:1', 'http://a', '::1']) {
  test(`-H '${text}' is not an address`, () => assert.throws(() => parseHost(text), { kind: 'invalid' }))
}

test('fd:// stands for the sockets that systemd passes to this process', () => {
  const config = { hosts: [parseHost('fd://')], group: 'docker', groupRequired: false }
  const env = {
    LISTEN_PID: String(process.pid),
    LISTEN_FDS: '2',
    LISTEN_FDNAMES: 'a:b',
    NOTIFY_SOCKET: '/x',
    HOME: '/',
  }
  using manager = new ServiceManager(env, silentLog)
  assert.deepEqual(env, { HOME: '/' }, 'no child takes them for its own')
  const both = [
    { kind: 'fd', fd: 3 },
    { kind: 'fd', fd: 4 },
  ]
  assert.deepEqual(listenAddresses(config, manager.sockets), both)
  for (const text of ['fd://b', 'fd://4']) {
    assert.deepEqual(listenAddresses({ ...config, hosts: [parseHost(text)] }, manager.sockets), both.slice(1))
  }
  const missing = { ...config, hosts: [parseHost('fd://c')] }
  assert.throws(() => listenAddresses(missing, manager.sockets), { kind: 'notFound' })
  using other = new ServiceManager({ LISTEN_PID: '1', LISTEN_FDS: '2' }, silentLog)
  assert.deepEqual(other.sockets, [])
})
