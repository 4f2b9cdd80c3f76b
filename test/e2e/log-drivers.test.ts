// Log drivers that send output away: collectors that come late and go, a daemon that dies, and logs all the same.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { StreamCollector, serveForward } from '../../src/logging/testing.ts'
import { Command } from '../kit/command.ts'
import { until } from '../kit/until.ts'
import { create, start } from './api.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

/** Writes 1, 2, 3, … and ends when /stop exists. */
const counter = 'i=0; while ! [ -e /stop ]; do i=$((i+1)); echo $i; usleep 500; done; echo end'

test('fluentd: late, gone and back, with the daemon killed in between: every line is there', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const path = join(engine.directory, 'fluentd.sock')
  const options = [`fluentd-address=unix://${path}`, 'fluentd-request-ack=true', 'tag={{.Name}}']
  const flags = options.flatMap(option => ['--log-opt', option])
  await engine.ok(['run', '-d', '--name', 'c1', '--log-driver', 'fluentd', ...flags, 'busybox', 'sh', '-c', counter])
  await until(async () => Number(await engine.ok(['logs', '--tail', '1', 'c1'])) > 20)
  await engine.kill9()
  await engine.start()
  const received: string[] = []
  const take = (tag: string, line: string) => tag === 'c1' && received.push(line) > 0
  const collect = () => StreamCollector.listen(path, socket => serveForward(socket, take))
  {
    await using _first = await collect()
    await until(() => received.length > 50)
  }
  await until(async () => Number(await engine.ok(['logs', '--tail', '1', 'c1'])) > received.length + 100)
  await engine.kill9()
  await engine.start()
  await using _second = await collect()
  await engine.docker(['exec', 'c1', 'touch', '/stop'])
  await engine.ok(['wait', 'c1'])
  await until(() => received.at(-1) === 'end')
  const logged = (await engine.ok(['logs', 'c1'])).split('\n')
  assert.deepEqual([...new Set(received)], logged, 'a line is missing, or they are out of order')
  await engine.ok(['rm', 'c1'])
})

test('syslog: the rest is sent before a container with --rm goes', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const path = join(engine.directory, 'syslog.sock')
  await using collector = await StreamCollector.listen(path)
  const flags = [
    '--log-opt',
    `syslog-address=unix://${path}`,
    '--log-opt',
    'tag={{.Name}}',
    '--log-opt',
    'mode=blocking',
  ]
  await engine.ok(['run', '--rm', '--name', 'c1', '--log-driver', 'syslog', ...flags, 'busybox', 'seq', '20000'])
  await until(async () => (await engine.ok(['ps', '-aq'])) === '')
  const numbers = collector.bytes.toString().matchAll(/ c1\[\d+\]: (\d+)\n/g)
  assert.deepEqual(
    [...numbers].map(([, number]) => Number(number)),
    Array.from({ length: 20_000 }, (_, index) => index + 1),
  )
})

test('a container’s end is told before its collector has taken the rest', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const path = join(engine.directory, 'fluentd.sock')
  const connected: Socket[] = []
  const closed: Socket[] = []
  // It acknowledges nothing.
  await using _collector = await StreamCollector.listen(path, socket => {
    connected.push(socket)
    socket.resume().on('close', () => closed.push(socket))
  })
  const Config = { 'fluentd-address': `unix://${path}`, 'fluentd-request-ack': 'true' }
  await create(engine, 'c1', {
    Cmd: ['echo', 'hello'],
    HostConfig: { AutoRemove: true, LogConfig: { Type: 'fluentd', Config } },
  })
  // Answers begin at once, and end with what was waited for.
  const wait = async (condition: string): Promise<IncomingMessage> => {
    const target = { socketPath: engine.socket, path: `/v1.41/containers/c1/wait?condition=${condition}` }
    const [answer] = await once(request({ ...target, method: 'POST', agent: false }).end(), 'response')
    return answer
  }
  const ended = await wait('next-exit')
  const removed = await wait('removed')
  await start(engine, 'c1')
  assert.deepEqual(JSON.parse(await text(ended)), { StatusCode: 0 })
  assert.deepEqual(closed, [], 'the collector was given up before anyone was told')
  assert.deepEqual(JSON.parse(await text(removed)), { StatusCode: 0 })
  await until(() => connected.length === 1 && closed.length === 1)
})

test('a name server that says nothing does not keep a daemon that stops', gantrydOnly, async () => {
  const mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
  await using engine = await startGantrydWithBusybox({
    launcher: directory => {
      const file = join(directory, 'resolv.conf')
      writeFileSync(file, 'nameserver 127.0.0.1\noptions timeout:30 attempts:1\n')
      return ['unshare', '--mount', 'sh', '-c', mount, file]
    },
  })
  const silent = `import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('127.0.0.1', 53))
print('bound', flush=True); s.recv(512); print('asked', flush=True)
while True: s.recv(512)`
  await using server = new Command(engine.namespace.enter(['python3', '-c', silent]))
  await server.prints(/bound/)
  const options = ['--log-driver', 'gelf', '--log-opt', 'gelf-address=udp://collector.test:1']
  await engine.ok(['run', '--name', 'c1', ...options, 'busybox', 'echo', 'hello'])
  await server.prints(/asked/)
  const before = performance.now()
  assert.equal(await engine.stop(60_000), 0)
  assert.ok(performance.now() - before < 15_000)
  await engine.start()
})

test('a collector that is not there stops neither a container nor its removal', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox({
    flags: ['--log-driver=fluentd', `--log-opt=fluentd-address=unix:///nothing/there`],
  })
  await engine.ok(['run', '--name', 'c1', 'busybox', 'echo', 'hello'])
  assert.equal(await engine.ok(['logs', 'c1']), 'hello')
  assert.equal(
    await engine.ok(['inspect', 'c1', '--format', '{{.HostConfig.LogConfig.Type}} {{.LogPath}}']),
    'fluentd ',
  )
  const before = performance.now()
  await engine.ok(['rm', 'c1'])
  assert.ok(performance.now() - before < 5000)
  const declined = ['--log-opt', 'cache-disabled=true']
  await engine.ok(['run', '--name', 'c2', ...declined, 'busybox', 'echo', 'hello'])
  const { code, stderr } = await engine.docker(['logs', 'c2'])
  assert.deepEqual([code, stderr.includes('configured logging driver does not support reading')], [1, true])
})
