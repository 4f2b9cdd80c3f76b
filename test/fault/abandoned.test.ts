// Thousands of clients that begin a stream and vanish: what they held is given back, of the daemon's and of the shims'.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { ask, call, create, start } from '../e2e/api.ts'
import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { until } from '../kit/until.ts'

const each = 100
const atOnce = 50

/** A request as its bytes are; `upgrade` to take the connection over. */
function head(method: string, path: string, body = '', upgrade = false): string {
  const lines = [
    `${method} /v1.41${path} HTTP/1.1`,
    'Host: engine',
    ...(upgrade ? ['Connection: Upgrade', 'Upgrade: tcp'] : []),
    ...(body === '' ? [] : ['Content-Type: application/json', `Content-Length: ${body.length}`]),
  ]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

const handshake = [
  'GET /v1.41/containers/talks/attach/ws?stream=1&stdout=1 HTTP/1.1',
  'Host: engine',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
].join('\r\n')

const attach = '/containers/talks/attach?stream=1&stdin=1&stdout=1&stderr=1'

/** What a client asks for, anew each time. */
const requests: Readonly<Record<string, (engine: Gantryd) => Promise<string> | string>> = {
  attach: () => head('POST', attach, '', true),
  'attach without an upgrade': () => head('POST', attach),
  'attach before the start': () => head('POST', attach.replace('talks', 'waits'), '', true),
  'attach by WebSocket': () => `${handshake}\r\n\r\n`,
  'exec start': async engine => {
    const request = { Cmd: ['cat'], AttachStdin: true, AttachStdout: true }
    const { Id } = await ask<{ Id: string }>(engine, 'POST', '/containers/talks/exec', request)
    return head('POST', `/exec/${Id}/start`, '{}', true)
  },
  'logs -f': () => head('GET', '/containers/talks/logs?follow=1&stdout=1'),
  events: () => head('GET', '/events'),
  stats: () => head('GET', '/containers/talks/stats'),
  wait: () => head('POST', '/containers/talks/wait'),
}

/** How a client vanishes: at once, in the middle of its request, after the first bytes, or without reading any. */
const ways = ['reset', 'half a request', 'after the answer began', 'half closed, never reading'] as const

async function abandon(engine: Gantryd, request: string, way: (typeof ways)[number]): Promise<void> {
  const socket = connect({ path: engine.socket, allowHalfOpen: true }).on('error', () => {})
  await once(socket, 'connect')
  if (way === 'half a request') socket.write(request.slice(0, request.length / 2))
  else socket.write(request)
  if (way === 'after the answer began') await Promise.race([once(socket, 'data'), once(socket, 'close')])
  if (way === 'half closed, never reading') {
    socket.pause()
    await new Promise<void>(resolve => socket.end(() => resolve()))
  }
  socket.destroy()
}

const descriptors = (pid: number) => readdirSync(`/proc/${pid}/fd`).length
const shimOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
const residentMegabytes = (pid: number) =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

test('streams that are abandoned', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  await create(engine, 'waits', { Cmd: ['cat'], OpenStdin: true })
  const id = await create(engine, 'talks', { Cmd: ['sh', '-c', 'while sleep .2; do echo x; done'], OpenStdin: true })
  await start(engine, 'talks')
  const { State: state } = await ask<{ State: { Pid: number } }>(engine, 'GET', '/containers/talks/json')
  const shim = shimOf(state.Pid)
  const held = () => ({
    daemon: descriptors(engine.pid),
    shim: descriptors(shim),
    execs: readdirSync(join(engine.execRoot, 'containers', id)).includes('exec')
      ? readdirSync(join(engine.execRoot, 'containers', id, 'exec')).length
      : 0,
  })
  const round = async (make: (engine: Gantryd) => Promise<string> | string, count: number) => {
    for (let done = 0; done < count; done += atOnce) {
      const clients = Array.from({ length: Math.min(atOnce, count - done) }, async (_, index) =>
        abandon(engine, await make(engine), ways[index % ways.length] ?? 'reset'),
      )
      await Promise.all(clients)
    }
  }
  // The first of each kind loads what stays.
  for (const make of Object.values(requests)) await round(make, ways.length)
  let before = held()
  await until(
    () => {
      const now = held()
      const still = now.daemon >= before.daemon && now.execs === 0
      before = now
      return still
    },
    { every: 500 },
  )
  const back = () => {
    const now = held()
    return now.daemon <= before.daemon + 1 && now.shim <= before.shim && now.execs <= before.execs
  }
  for (const [name, make] of Object.entries(requests)) {
    await suite.test(`${name}, ${each} times in each of ${ways.length} ways`, async () => {
      await round(make, each * ways.length)
      await until(back, { every: 100, what: () => `${JSON.stringify(before)} again, not ${JSON.stringify(held())}` })
    })
  }
  await suite.test('the engine is as well as before', async () => {
    // The heap grew at first, to what collecting it is worth: as many again add little.
    const memory = residentMegabytes(engine.pid)
    for (const make of Object.values(requests)) await round(make, each * ways.length)
    await until(back, { every: 100 })
    assert.ok(residentMegabytes(engine.pid) < memory + 40, `${memory} MB, then ${residentMegabytes(engine.pid)} MB`)
    assert.equal((await call(engine, 'GET', '/info')).status, 200)
    const { NEventsListener: listeners } = await ask<{ NEventsListener: number }>(engine, 'GET', '/info')
    assert.equal(listeners, 0)
    assert.match(await engine.ok(['logs', '--tail', '1', 'talks']), /x/)
    await start(engine, 'waits')
    assert.equal(await engine.ok(['exec', 'talks', 'echo', 'well']), 'well')
  })
})
