// Forwarding: nothing is lost while the collector is away, across rotation, and from one forwarder to the next.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../test/kit/until.ts'
import type { Channel } from './channel.ts'
import { compressRotated } from './compressor.ts'
import type { Sink } from './sink.ts'
import { syslogSink } from './syslog.ts'
import { ShimLog, StreamCollector, subject } from './testing.ts'

/** A collector that can be taken away. */
class Collector {
  readonly lines: string[] = []
  present = true
  /** Milliseconds that it takes for a batch. */
  pause = 0
  batches = 0

  readonly sink: Sink = {
    retryWait: 1,
    open: async () => {
      if (!this.present) throw new Error('nobody is there')
      return this.#channel()
    },
    encode: ({ text }) => [Buffer.from(text)],
  }

  #channel(): Channel {
    return {
      send: async messages => {
        if (!this.present) throw new Error('it went away')
        this.batches++
        if (this.pause > 0) await sleep(this.pause)
        this.lines.push(...messages.map(String))
      },
      [Symbol.dispose]: () => {},
    }
  }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
const lines = (from: number, to: number) => numbers(from, to).map(text => `${text}\n`)

test('a collector that comes late, and goes for a while, gets every line once', async () => {
  using log = new ShimLog()
  const collector = new Collector()
  collector.present = false
  log.write('stdout', ...lines(1, 100))
  const forwarder = log.forward(collector.sink)
  log.write('stdout', ...lines(101, 200))
  collector.present = true
  await until(() => collector.lines.length === 200)
  collector.present = false
  log.write('stdout', ...lines(201, 250))
  log.rotate()
  log.write('stdout', ...lines(251, 300))
  collector.present = true
  await until(() => collector.lines.length === 300)
  assert.deepEqual(collector.lines, numbers(1, 300))
  await forwarder.close()
})

test('a later forwarder goes on where the one before was, across rotation', async () => {
  using log = new ShimLog()
  const collector = new Collector()
  log.write('stdout', ...lines(1, 50))
  const first = log.forward(collector.sink)
  await until(() => collector.lines.length === 50)
  await first.close()
  log.write('stdout', ...lines(51, 60))
  log.rotate()
  log.write('stdout', ...lines(61, 70))
  log.rotate()
  log.write('stdout', ...lines(71, 80))
  const second = log.forward(collector.sink, false)
  await until(() => second.isOver)
  assert.deepEqual(collector.lines, numbers(1, 80))
})

test('a later forwarder goes on behind what was compressed', async () => {
  using log = new ShimLog()
  const collector = new Collector()
  log.write('stdout', ...lines(1, 50))
  const first = log.forward(collector.sink)
  await until(() => collector.lines.length === 50)
  await first.close()
  log.write('stdout', ...lines(51, 60))
  log.rotate()
  log.write('stdout', ...lines(61, 70))
  await compressRotated(log.path, new AbortController().signal)
  const second = log.forward(collector.sink, false)
  await until(() => second.isOver)
  assert.deepEqual(collector.lines, numbers(1, 70))
})

test('what the bounds of the log dropped is skipped, and nothing comes twice', async () => {
  using log = new ShimLog(3)
  const collector = new Collector()
  log.write('stdout', ...lines(1, 10))
  const first = log.forward(collector.sink)
  await until(() => collector.lines.length === 10)
  await first.close()
  for (let file = 1; file <= 4; file++) {
    log.rotate()
    log.write('stdout', ...lines(10 * file + 1, 10 * file + 10))
  }
  const second = log.forward(collector.sink, false)
  await until(() => second.isOver)
  assert.deepEqual(collector.lines, [...numbers(1, 10), ...numbers(21, 50)])
})

test('the end waits for what is left, but not for a collector that is away', async () => {
  using log = new ShimLog()
  const collector = new Collector()
  const forwarder = log.forward(collector.sink)
  log.write('stdout', ...lines(1, 5000))
  await forwarder.finish()
  assert.equal(collector.lines.length, 5000)
  collector.present = false
  log.write('stdout', 'lost\n')
  const patient = { ...collector.sink, retryWait: 1e6 }
  const before = performance.now()
  await log.forward(patient).finish()
  assert.ok(performance.now() - before < 5000)
})

test('a collector that stops reading keeps nobody', async () => {
  using log = new ShimLog()
  await using collector = await StreamCollector.listen(0, socket => void socket.pause())
  const long = Array.from({ length: 4000 }, () => `${'x'.repeat(10_000)}\n`)
  log.write('stdout', ...long)
  const options = { 'syslog-address': `tcp://127.0.0.1:${collector.port}` }
  const forwarder = log.forward(syslogSink(options, subject))
  await until(() => collector.connections.length === 1)
  const before = performance.now()
  await forwarder.close()
  assert.ok(performance.now() - before < 5000)
})

test('a container that starts again before its output is sent keeps its forwarder', async () => {
  using log = new ShimLog()
  const collector = new Collector()
  collector.present = false
  log.write('stdout', 'first\n')
  const forwarder = log.forward(collector.sink, false)
  forwarder.running = true
  collector.present = true
  await until(() => collector.lines.length === 1)
  log.write('stdout', 'second\n')
  await until(() => collector.lines.length === 2)
  assert.equal(forwarder.isOver, false)
  forwarder.running = false
  await until(() => forwarder.isOver)
})

// Milliseconds that the end takes of a forwarder that has begun.
const timeOf = async (log: ShimLog, sink: Sink, begun: () => boolean) => {
  const forwarder = log.forward(sink)
  await until(begun)
  const before = performance.now()
  await forwarder.finish()
  return performance.now() - before
}

test('the end waits longer for a collector that takes what it gets than for one that takes nothing', async () => {
  using deadLog = new ShimLog()
  await using dead = await StreamCollector.listen(0, socket => void socket.pause())
  deadLog.write('stdout', ...Array.from({ length: 4000 }, () => `${'x'.repeat(10_000)}\n`))
  const address = { 'syslog-address': `tcp://127.0.0.1:${dead.port}` }
  using slowLog = new ShimLog()
  const slow = new Collector()
  slow.pause = 1000
  slowLog.write('stdout', ...lines(1, 1000))
  const [held] = await Promise.all([
    timeOf(deadLog, syslogSink(address, subject), () => dead.connections.length === 1),
    timeOf(slowLog, slow.sink, () => slow.batches === 1),
  ])
  assert.ok(held < 8000, `${held} ms`)
  assert.deepEqual(slow.lines, numbers(1, 1000))
})

test('lines that are no entries keep nothing that follows', async () => {
  using log = new ShimLog()
  const collector = new Collector()
  log.write('stdout', 'one\n')
  const time = '2026-03-04T05:06:07Z'
  const wrong = [null, 5, 'text', [], {}, { log: 1, stream: 'stdout', time }, { log: 'x', stream: 'stdout', time: 7 }]
  const entry = { log: 'x', stream: 'stdout', time }
  const values = [...wrong, { ...entry, attrs: null }, { ...entry, attrs: { a: 1 } }, { ...entry, time: 'never' }]
  log.damage('{"log":"tw', ...values.map(value => JSON.stringify(value)))
  log.write('stdout', 'three\n')
  const forwarder = log.forward(collector.sink, false)
  await until(() => forwarder.isOver)
  assert.deepEqual(collector.lines, ['one', 'three'])
})
