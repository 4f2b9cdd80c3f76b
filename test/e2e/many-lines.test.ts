// A log of very many lines: all there and in order across rotation and a daemon that dies, read in bounded memory.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import type { Gantryd } from '../kit/gantryd.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

const count = 1_000_000
const expected = Array.from({ length: count }, (_, index) => index + 1).join('\n')

function residentMegabytes(engine: Gantryd): number {
  const [, kilobytes = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

test('a million lines at full speed', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const options = ['--log-opt', 'max-size=20m', '--log-opt', 'max-file=100']
  const id = await engine.ok(['run', '-d', '--name', 'c1', ...options, 'busybox', 'seq', String(count)])
  const log = join(engine.dataRoot, 'containers', id, `${id}-json.log`)
  await until(() => existsSync(`${log}.1`), { every: 1 })
  await engine.kill9()
  await engine.start()
  await using follower = engine.watch(['logs', '--follow', 'c1'])
  await engine.ok(['wait', 'c1'])
  assert.ok(existsSync(`${log}.3`))
  const { stdout } = await follower.finish()
  assert.ok(stdout === `${expected}\n`, 'a follower misses a line, or has one twice')
  const before = residentMegabytes(engine)
  assert.ok((await engine.ok(['logs', 'c1'])) === expected, 'a line is missing, or there twice')
  // The log is 80 MB, and as strings twice that.
  assert.ok(residentMegabytes(engine) < before + 100, 'the log is held in memory')
  assert.equal(await engine.ok(['logs', '--tail', '1', 'c1']), String(count))
  const [time = ''] = (await engine.ok(['logs', '-t', '--tail', '1000', 'c1'])).split(' ', 1)
  const since = (await engine.ok(['logs', '--since', time, 'c1'])).split('\n')
  assert.deepEqual([since.length, since[0]], [1000, String(count - 999)])
})

const many = 10_000_000

/** Reads the numbers 1, 2, 3 … as a log's frames have them, a line each; returns the last in order. */
async function lastInOrder(engine: Gantryd, path: string): Promise<number> {
  const [answer] = (await once(request({ socketPath: engine.socket, path }).end(), 'response')) as [IncomingMessage]
  let last = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    for (let end = frameEnd(data, at); end <= data.length; end = frameEnd(data, at)) {
      if (numberIn(data, at + 8, end) !== last + 1) return last
      last++
      at = end
    }
    rest = data.subarray(at)
  }
  return last
}

// Infinity if its header is not complete.
const frameEnd = (data: Buffer, at: number) => (data.length < at + 8 ? Infinity : at + 8 + data.readUInt32BE(at + 4))

// Of a line of digits; anything else in it makes it another number.
function numberIn(data: Buffer, start: number, end: number): number {
  let number = 0
  for (let at = start; at < end - 1; at++) number = number * 10 + (data[at] ?? 0) - 48
  return number
}

test('ten million lines, followed across a daemon that dies', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const options = ['--log-opt', 'max-size=100m', '--log-opt', 'max-file=20']
  const id = await engine.ok(['run', '-d', '--name', 'c1', ...options, 'busybox', 'seq', String(many)])
  const log = join(engine.dataRoot, 'containers', id, `${id}-json.log`)
  await until(() => existsSync(`${log}.1`), { every: 1 })
  await engine.kill9()
  await engine.start()
  assert.equal(await lastInOrder(engine, '/v1.41/containers/c1/logs?stdout=1&follow=1'), many)
  assert.equal(await engine.ok(['logs', '--tail', '1', 'c1']), String(many))
})
