// The thread of a `Place`: serves and connects in the network namespace it was started in.

import { createSocket, type Socket } from 'node:dgram'
import { connect, createServer } from 'node:net'
import { type MessagePort, parentPort } from 'node:worker_threads'

/** What a place can be asked to do. */
export type Task =
  | { verb: 'ready' }
  | { verb: 'serve'; protocol: 'tcp' | 'udp'; port: number; name: string }
  | { verb: 'fetch'; protocol: 'tcp' | 'udp'; address: string; port: number; text: string; patience: number }
  | { verb: 'open'; address: string; port: number }
  | { verb: 'exchange'; text: string }
  | { verb: 'close' }

/** A task with the port to send the result to. */
export interface Ask {
  readonly task: Task
  readonly answer: MessagePort
}

const plain = (address: string | undefined) => (address ?? '').replace(/^::ffff:/, '')

const codeOf = (error: Error) => ('code' in error ? String(error.code) : error.message)

let kept: Socket | undefined

async function perform(task: Task): Promise<string> {
  switch (task.verb) {
    case 'ready':
      return 'ready'
    case 'serve':
      return task.protocol === 'tcp' ? serveTcp(task) : serveUdp(task)
    case 'fetch':
      return task.protocol === 'tcp' ? fetchTcp(task) : fetchUdp(task)
    case 'open':
      kept = await openUdp(task)
      return 'open'
    case 'exchange':
      return kept ? exchange(kept, task.text, 10_000) : 'CLOSED'
    case 'close':
      kept?.close()
      return 'closed'
  }
}

function serveTcp({ port, name }: { port: number; name: string }): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    let size = 0
    socket.on('data', data => (size += data.length))
    socket.on('end', () => socket.end(`${name} ${plain(socket.remoteAddress)} ${size}`))
    socket.on('error', () => socket.destroy())
  })
  server.once('error', error => resolve(codeOf(error)))
  server.listen(port, () => resolve('listening'))
  return promise
}

function serveUdp({ port, name }: { port: number; name: string }): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = createSocket('udp6')
  socket.on('message', (data, from) =>
    socket.send(`${name} ${plain(from.address)} ${data.length}`, from.port, from.address),
  )
  socket.once('error', error => resolve(codeOf(error)))
  socket.bind(port, () => resolve('listening'))
  return promise
}

interface Query {
  address: string
  port: number
  text: string
  /** Milliseconds to wait for an answer. */
  patience: number
}

function fetchTcp({ address, port, text, patience }: Query): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  const socket = connect({ host: address, port, allowHalfOpen: true }, () => socket.end(text))
  socket.setTimeout(patience, () => socket.destroy(Object.assign(new Error(), { code: 'TIMEOUT' })))
  socket.setEncoding('utf8')
  socket.on('data', data => (answer += data))
  socket.on('error', error => resolve(codeOf(error)))
  socket.on('close', () => resolve(answer))
  return promise
}

async function fetchUdp({ address, port, text, patience }: Query): Promise<string> {
  const socket = await openUdp({ address, port })
  const answer = await exchange(socket, text, patience)
  socket.close()
  return answer
}

function openUdp({ address, port }: { address: string; port: number }): Promise<Socket> {
  const { promise, resolve } = Promise.withResolvers<Socket>()
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.connect(port, address, () => resolve(socket))
  return promise
}

function exchange(socket: Socket, text: string, patience: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('TIMEOUT'), patience)
  socket.removeAllListeners('message').removeAllListeners('error')
  socket.once('message', data => resolve(data.toString()))
  socket.once('error', error => resolve(codeOf(error)))
  socket.send(text)
  return promise.finally(() => clearTimeout(timer))
}

parentPort?.on('message', async ({ task, answer }: Ask) => {
  const result = await perform(task)
  answer.postMessage(result, [])
})
