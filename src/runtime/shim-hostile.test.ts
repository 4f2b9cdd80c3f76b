// Hostile clients of shim.sock: garbage, half requests, floods, in seeded random order. The container must not notice.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { encodeMessage } from './shim-protocol.ts'
import {
  type RunningShim,
  demultiplex,
  describeShim,
  eventually,
  everything,
  privateMemory,
  shimDirectory,
} from './shim-testing.ts'

// It heeds neither its stdin nor the end of it, which hostile clients may send.
const counting = { args: ['sh', '-c', 'trap "exit 21" TERM; i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done'] }

function open(runDir: string): Socket {
  const socket = connect({ path: join(runDir, 'shim.sock'), allowHalfOpen: true })
  // Being refused or cut off is what hostile clients have to expect.
  return socket.on('error', () => {})
}

const closed = (socket: Socket) =>
  new Promise<void>(resolve => (socket.closed ? resolve() : socket.once('close', () => resolve())))

const message = fc.oneof(
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 5,
    arbitrary: fc
      .record({
        type: fc.integer({ min: 0, max: 6 }),
        flags: fc.constantFrom(0, 1, 2, 7, 15, 16, 65_535),
        payload: fc.uint8Array({ maxLength: 80 }),
      })
      .map(({ type, flags, payload }) => new Uint8Array(encodeMessage(type, flags, payload))),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      new Uint8Array(encodeMessage(1)),
      new Uint8Array(encodeMessage(3, 0, Buffer.from([0, 9, 0, 9]))),
    ),
  },
)
interface Conversation {
  readonly messages: readonly Uint8Array[]
  readonly share: number
  readonly farewell: string
}

const conversation: fc.Arbitrary<Conversation> = fc.record({
  messages: fc.array(message, { maxLength: 12 }),
  // How much of it is sent, and whether the client then closes, half-closes or vanishes while it never reads.
  share: fc.double({ min: 0.2, max: 1, noNaN: true }),
  farewell: fc.constantFrom('end', 'destroy', 'stay'),
})

describeShim('hostile clients', (shop, build) => {
  test('fuzzed conversations', async () => {
    const path = shop().log('fuzzed')
    const shim = shop().run(counting, { openStdin: true, log: { path } })
    await shim.connection.started
    const staying: Socket[] = []
    const converse = async ({ messages, share, farewell }: Conversation) => {
      const socket = open(shim.runDir)
      await Promise.race([once(socket, 'connect'), closed(socket)])
      // One that is attached and never reads may hold the container back: this one reads.
      socket.resume()
      const bytes = Buffer.concat(messages)
      await new Promise(resolve => socket.write(bytes.subarray(0, Math.ceil(bytes.length * share)), resolve))
      if (farewell === 'end') socket.end()
      else if (farewell === 'destroy') socket.destroy()
      else staying.push(socket)
      while (staying.length > 100) staying.shift()?.destroy()
    }
    const several = fc.array(conversation, { minLength: 1, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(several, async conversations => void (await Promise.all(conversations.map(converse)))),
      {
        numRuns: build === 'shipped' ? 60 : 120,
        seed: 20_261_121,
        endOnFailure: true,
      },
    )
    for (const socket of staying) socket.destroy()
    await survives(shim)
  })

  test('a thousand connections that say nothing are neither kept nor in the way', async () => {
    const shim = shop().run(counting, { openStdin: true })
    await shim.connection.started
    const before = privateMemory(shim.pid)
    const sockets = Array.from({ length: 1000 }, () => open(shim.runDir).resume())
    await eventually(
      () => sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length >= 744,
      'those above the limit are closed',
    )
    // The daemon's own connection has its place, and works.
    shim.connection.resize(1, 1)
    for (const socket of sockets) socket.destroy()
    await Promise.all(sockets.map(closed))
    if (build === 'shipped') assert.ok(privateMemory(shim.pid) - before < 300, 'memory stays bounded')
    await survives(shim)
  })

  test('one that never finishes its request is closed', async () => {
    const shim = shop().run(counting, { openStdin: true })
    await shim.connection.started
    const socket = open(shim.runDir)
    const begin = Date.now()
    socket.resume().write('GSHM')
    await new Promise(resolve => socket.once('end', resolve))
    assert.ok(Date.now() - begin > 4000)
    socket.destroy()
    await survives(shim)
  })
})

test('the pure parts of the shim bear random input under sanitizers', () => {
  execFileSync('make', ['--silent', '-C', shimDirectory, 'fuzz'])
  const report = execFileSync(join(shimDirectory, '../build/shim-fuzz'), ['20261121', '20000'], { encoding: 'utf8' })
  assert.match(report, /^20000 rounds\n$/)
})

/** The container still counts, a daemon can still attach, and its exit is told. */
async function survives({ connection }: RunningShim): Promise<void> {
  const client = await connection.attach({ stdout: true })
  const received = everything(client)
  process.kill((await connection.started).pid, 'SIGTERM')
  assert.equal((await connection.exited)?.code, 21)
  demultiplex(await received)
}
