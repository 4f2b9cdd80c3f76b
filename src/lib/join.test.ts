// Joining streams, over real sockets: each end passed on, nothing held when one side is gone.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { join } from './join.ts'

/** Two ends of a connection, each of which may be closed by halves. */
async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true })
  const path = `\0gantry-join-${process.pid}-${Math.random()}`
  server.listen(path)
  const near = connect({ path, allowHalfOpen: true })
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  return [near, far]
}

/** All that a socket receives until its peer ends; its own side stays open. */
async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'end')
  return Buffer.concat(chunks).toString()
}

/** user ⇄ client |joined| far ⇄ container. */
async function joined(options: Parameters<typeof join>[2]) {
  const [user, client] = await pair()
  const [far, container] = await pair()
  return { user, client, far, container, done: join(client, far, options) }
}

const patience = { timeout: 5000 }

test('bytes go both ways and each end is passed on by itself', patience, async () => {
  const { user, container, done } = await joined({ input: true })
  user.end('question')
  assert.equal(await received(container), 'question')
  container.end('answer')
  assert.equal(await received(user), 'answer')
  await done
})

test('without input, what the client sends is thrown away', patience, async () => {
  const { user, container, done } = await joined({ input: false })
  user.write('ignored')
  container.end('output')
  assert.equal(await received(user), 'output')
  user.destroy()
  await done
  assert.equal(await received(container), '')
})

test('the end of input ends the connection where that is asked for, with all input passed on', patience, async () => {
  const { user, container, done } = await joined({ input: true, endsWithInput: true })
  const input = 'x'.repeat(1_000_000)
  user.end(input)
  assert.equal(await received(container), input)
  assert.equal(await received(user), '')
  await done
})

test('a client that leaves takes its far end with it', patience, async () => {
  const { client, container, done } = await joined({ input: true })
  client.destroy()
  await Promise.all([done, received(container)])
})

test('a client that left before it was joined holds nothing', patience, async () => {
  const [user, client] = await pair()
  const [far, container] = await pair()
  user.destroy()
  client.destroy()
  await once(client, 'close')
  await Promise.all([join(client, far, { input: true }), received(container)])
})

test('a far end that breaks ends the client', patience, async () => {
  const { user, far, done } = await joined({ input: true })
  far.destroy(new Error('broken'))
  assert.equal(await received(user), '')
  await done
})

test('a client that reads slowly gets everything', { timeout: 20_000 }, async () => {
  const { user, container, done } = await joined({ input: false })
  const output = 'y'.repeat(3_000_000)
  container.end(output)
  await delay(50)
  assert.equal((await received(user)).length, output.length)
  await done
})
