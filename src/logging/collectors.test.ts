// What collectors get: syslog, gelf, fluentd and journald, by their protocols, on real sockets.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, inflateSync } from 'node:zlib'
import { ExtData, decodeMulti, encode } from '@msgpack/msgpack'
import { until } from '../../test/kit/until.ts'
import { checkLogConfig } from './drivers.ts'
import { fluentdSink } from './fluentd.ts'
import { gelfSink } from './gelf.ts'
import { fieldName, journaldSink } from './journald.ts'
import { syslogSink } from './syslog.ts'
import { ShimLog, StreamCollector, UnixDatagramCollector, listenUdp, serveForward, subject } from './testing.ts'

const chosen = { labels: 'com', env: 'B' }

test('syslog over TCP, in each of its forms', async () => {
  const pid = process.pid
  const forms: [string, RegExp][] = [
    ['', new RegExp(`^<30>Mar  4 \\d\\d:\\d\\d:07 web\\[${pid}\\]: out$`)],
    ['rfc3164', new RegExp(`^<30>Mar  4 \\d\\d:\\d\\d:07 ${hostname()} web\\[${pid}\\]: out$`)],
    ['rfc5424', new RegExp(`^<30>1 2026-03-04T\\d\\d:\\d\\d:07\\S+ ${hostname()} web ${pid} web - out$`)],
    ['rfc5424micro', new RegExp(`^<30>1 2026-03-04T\\d\\d:\\d\\d:07\\.100000\\S+ ${hostname()} web ${pid} web - out$`)],
  ]
  for (const [format, expected] of forms) {
    await using collector = await StreamCollector.listen()
    using log = new ShimLog()
    const options = { 'syslog-address': `tcp://127.0.0.1:${collector.port}`, 'syslog-format': format, tag: '{{.Name}}' }
    checkLogConfig('syslog', options)
    log.write('stdout', 'out\n', '\n')
    log.write('stderr', 'err\n')
    const forwarder = log.forward(syslogSink(options, subject), false)
    await until(() => collector.bytes.includes('err\n'))
    const lines = collector.bytes.toString().split('\n')
    assert.equal(lines.length, 3, 'an empty line is no message')
    assert.match(lines[0] ?? '', expected)
    assert.match(lines[1] ?? '', /^<27>/)
    await forwarder.close()
  }
})

test('syslog over UDP and datagrams to a unix socket', async () => {
  using udp = await listenUdp()
  using log = new ShimLog()
  const path = join(log.directory, 'syslog')
  await using unix = await UnixDatagramCollector.listen(path)
  log.write('stdout', 'one\n', 'two\n')
  for (const address of [`udp://127.0.0.1:${udp.port}`, `unixgram://${path}`]) {
    const options = { 'syslog-address': address, 'syslog-facility': 'local7' }
    checkLogConfig('syslog', options)
    const received = () => (address.startsWith('udp') ? udp : unix).datagrams
    const copy = new ShimLog()
    copy.write('stdout', 'one\n', 'two\n')
    const forwarder = copy.forward(syslogSink(options, subject), false)
    await until(() => received().length === 2)
    assert.match(received().map(String).join(''), /^<190>.* 0123456789ab\[\d+\]: one\n<190>.*: two\n$/)
    await forwarder.close()
    copy[Symbol.dispose]()
  }
})

test('gelf over UDP: compressed, and in chunks where it is long', async () => {
  using udp = await listenUdp()
  using log = new ShimLog()
  const noise = Array.from({ length: 3000 }, (_, index) => String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000)))
  const long = noise.join('')
  log.write('stderr', `${long}\n`)
  const options = { 'gelf-address': `udp://127.0.0.1:${udp.port}`, ...chosen }
  checkLogConfig('gelf', options)
  const forwarder = log.forward(gelfSink(options, subject))
  await until(() => udp.datagrams.length > 1 && udp.datagrams.length === udp.datagrams[0]?.[11])
  const chunks = udp.datagrams.splice(0)
  assert.ok(chunks.every(chunk => chunk.length <= 1420 && chunk.readUInt16BE() === 0x1e0f))
  assert.equal(new Set(chunks.map(chunk => chunk.subarray(2, 10).toString('hex'))).size, 1)
  const ordered = chunks.toSorted((a, b) => (a[10] ?? 0) - (b[10] ?? 0))
  const message = JSON.parse(gunzipSync(Buffer.concat(ordered.map(chunk => chunk.subarray(12)))).toString())
  assert.deepEqual(message, {
    version: '1.1',
    host: hostname(),
    short_message: long,
    timestamp: Date.UTC(2026, 2, 4, 5, 6, 7, 100) / 1000,
    level: 3,
    _container_id: subject.id,
    _container_name: 'web',
    _image_id: subject.imageId,
    _image_name: 'busybox:latest',
    _command: 'sh -c true',
    _tag: '0123456789ab',
    _created: '2026-01-01T00:00:00Z',
    _com: 'one',
    _B: 'x=y',
  })
  await forwarder.close()
  for (const type of ['zlib', 'none']) {
    using short = new ShimLog()
    short.write('stdout', 'short\n')
    const again = short.forward(gelfSink({ ...options, 'gelf-compression-type': type }, subject), false)
    const datagram = await until(() => udp.datagrams.pop())
    const text = type === 'zlib' ? inflateSync(datagram).toString() : datagram.toString()
    assert.equal(JSON.parse(text).short_message, 'short')
    await again.close()
  }
})

test('gelf over TCP ends each message with a zero', async () => {
  await using collector = await StreamCollector.listen()
  using log = new ShimLog()
  log.write('stdout', 'one\n', 'two\n')
  const options = { 'gelf-address': `tcp://127.0.0.1:${collector.port}` }
  checkLogConfig('gelf', options)
  const forwarder = log.forward(gelfSink(options, subject), false)
  await until(() => collector.bytes.toString().split('\0').length === 3)
  const messages = collector.bytes.toString().split('\0').slice(0, 2)
  assert.deepEqual(
    messages.map(text => JSON.parse(text).short_message),
    ['one', 'two'],
  )
  await forwarder.close()
})

test('fluentd: messages of the forward protocol, pieces of long lines, times below a second', async () => {
  await using collector = await StreamCollector.listen()
  using log = new ShimLog()
  const piece = 'y'.repeat(16 * 1024)
  log.write('stdout', 'one\n', piece, 'rest\n')
  const options = {
    'fluentd-address': `127.0.0.1:${collector.port}`,
    'fluentd-sub-second-precision': 'true',
    tag: 'docker.{{.Name}}',
    ...chosen,
  }
  checkLogConfig('fluentd', options)
  const forwarder = log.forward(fluentdSink(options, subject), false)
  await until(() => collector.bytes.includes('rest'))
  const facts = { container_id: subject.id, container_name: '/web', com: 'one', B: 'x=y', source: 'stdout' }
  const messages = [...decodeMulti(collector.bytes)] as [string, unknown, Record<string, string>][]
  assert.deepEqual(
    messages.map(([tag]) => tag),
    Array.from({ length: 3 }, () => 'docker.web'),
  )
  assert.deepEqual(messages[0]?.[2], { ...facts, log: 'one' })
  const time = messages[0]?.[1]
  assert.ok(time instanceof ExtData && time.type === 0)
  const bytes = Buffer.from(time.data as Uint8Array)
  assert.deepEqual([bytes.readUInt32BE(0), bytes.readUInt32BE(4)], [Date.UTC(2026, 2, 4, 5, 6, 7) / 1000, 100_000_000])
  const [first, last] = messages.slice(1).map(([, , record]) => record)
  assert.deepEqual(
    [first?.partial_ordinal, first?.partial_last, last?.partial_ordinal, last?.partial_last],
    ['1', 'false', '2', 'true'],
  )
  assert.equal(first?.partial_id, last?.partial_id)
  await forwarder.close()
})

test('fluentd: what was not acknowledged is sent again', async () => {
  using log = new ShimLog()
  log.write('stdout', 'one\n')
  let silent = true
  const received: string[] = []
  const take = (_tag: string, line: string) => received.push(line) > 0 && !silent
  await using collector = await StreamCollector.listen(0, socket => serveForward(socket, take))
  const options = {
    'fluentd-address': `tcp://127.0.0.1:${collector.port}`,
    'fluentd-request-ack': 'true',
    'fluentd-retry-wait': '1ms',
  }
  checkLogConfig('fluentd', options)
  const forwarder = log.forward(fluentdSink(options, subject))
  await until(() => received.length >= 2)
  silent = false
  log.write('stdout', 'two\n')
  await until(() => received.at(-1) === 'two')
  assert.deepEqual([new Set(received.slice(0, -1)), received.at(-1)], [new Set(['one']), 'two'])
  await forwarder.close()
})

test('journald: fields, and values of several lines by their length', async () => {
  using log = new ShimLog()
  const path = join(log.directory, 'journal')
  await using journal = await UnixDatagramCollector.listen(path)
  log.write('stderr', 'one\rtwo\n')
  const labelled = { ...subject, labels: { 'com.9x': 'first\nsecond' } }
  const options = { labels: 'com.9x', tag: '{{.Name}}' }
  checkLogConfig('journald', options)
  const forwarder = log.forward(journaldSink(options, labelled, path), false)
  const datagram = await until(() => journal.datagrams[0])
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(12n)
  assert.equal(
    datagram.toString('latin1'),
    [
      'MESSAGE=one\rtwo\nPRIORITY=3\nSYSLOG_TIMESTAMP=2026-03-04T05:06:07.1Z\n',
      `CONTAINER_ID=0123456789ab\nCONTAINER_ID_FULL=${subject.id}\nCONTAINER_NAME=web\nCONTAINER_TAG=web\n`,
      `IMAGE_NAME=busybox:latest\nSYSLOG_IDENTIFIER=web\nCOM_9X\n${length.toString('latin1')}first\nsecond\n`,
    ].join(''),
  )
  assert.deepEqual(['__a.b', '9lives', '___'].map(fieldName), ['A_B', 'LIVES', ''])
  await forwarder.close()
})

test('journald: a message that no datagram holds comes as a file, and what follows it comes too', async () => {
  using log = new ShimLog()
  const path = join(log.directory, 'journal')
  await using journal = await UnixDatagramCollector.listen(path)
  log.write('stdout', 'one\n', 'two\n')
  const labelled = { ...subject, labels: { big: 'x'.repeat(1_000_000) } }
  const forwarder = log.forward(journaldSink({ labels: 'big' }, labelled, path), false)
  await until(() => journal.datagrams.length === 2)
  const texts = journal.datagrams.map(datagram => datagram.toString('latin1'))
  assert.deepEqual(
    texts.map(text => [text.slice(0, 12), text.includes(`BIG=${labelled.labels.big}\n`)]),
    [
      ['MESSAGE=one\n', true],
      ['MESSAGE=two\n', true],
    ],
  )
  await forwarder.close()
})

test('fluentd: an acknowledgement of something else is none', async () => {
  using log = new ShimLog()
  log.write('stdout', 'one\n')
  await using collector = await StreamCollector.listen(0, socket =>
    socket.on('data', () => socket.write(encode({ ack: 'another' }))),
  )
  const options = {
    'fluentd-address': `tcp://127.0.0.1:${collector.port}`,
    'fluentd-request-ack': 'true',
    'fluentd-retry-wait': '1ms',
  }
  const forwarder = log.forward(fluentdSink(options, subject), false)
  await until(() => collector.connections.length > 1)
  assert.equal(forwarder.isOver, false)
  await forwarder.close()
})

test('syslog: a certificate that is a FIFO keeps nobody', async () => {
  using log = new ShimLog()
  const path = join(log.directory, 'fifo')
  assert.equal(spawnSync('mkfifo', [path]).status, 0)
  const options = { 'syslog-address': 'tcp+tls://127.0.0.1:1', 'syslog-tls-ca-cert': path }
  await assert.rejects(syslogSink(options, subject).open(AbortSignal.timeout(5000)), /is not a file/)
})
