// Ways to a log collector: a stream (TCP, TLS, unix), UDP, and datagrams to a unix socket.

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type Socket, connect as connectPlain, isIPv6 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { hasCode } from '../kernel/ffi.ts'
import { UnixDatagram } from '../kernel/unix-datagram.ts'

/** An open way to a collector. */
export interface Channel extends Disposable {
  /** Resolves when the messages are handed over, in order; rejects if the collector is gone. */
  send(messages: readonly Buffer[]): Promise<void>
}

/** Milliseconds that a connection may take to come about. */
const connectPatience = 10_000

/** Where a stream goes. */
export type StreamTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number; readonly options: ConnectionOptions }
  | { readonly kind: 'unix'; readonly path: string }

/** A connected stream. Handed over is what the kernel has taken: a collector that breaks down may lose that. */
export class StreamChannel implements Channel {
  readonly socket: Socket
  #failure: Error | undefined

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('error', error => (this.#failure ??= error))
    // A collector that ends its side takes nothing more.
    socket.once('end', () => socket.destroy())
    socket.once('close', () => (this.#failure ??= new Error('the collector closed the connection')))
  }

  /** Rejects with the errors of connect(2), or of the TLS handshake. Aborted, the connection is given up at any time. */
  static async open(target: StreamTarget, signal: AbortSignal): Promise<StreamChannel> {
    signal.throwIfAborted()
    const socket = dial(target)
    const giveUp = () => socket.destroy()
    signal.addEventListener('abort', giveUp)
    socket.once('close', () => signal.removeEventListener('abort', giveUp))
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(connectPatience)])
      await once(socket, target.kind === 'tls' ? 'secureConnect' : 'connect', { signal: within })
    } catch (error) {
      socket.destroy()
      throw error
    }
    return new StreamChannel(socket)
  }

  /** For a collector that says nothing: what it says all the same is thrown away, and its end noticed. */
  withoutAnswers(): this {
    this.socket.resume()
    return this
  }

  async send(messages: readonly Buffer[]): Promise<void> {
    if (this.#failure) throw this.#failure
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const gone = () => reject(this.#failure ?? new Error('the collector closed the connection'))
    this.socket.once('close', gone)
    this.socket.write(Buffer.concat(messages), error => (error ? reject(error) : resolve()))
    try {
      await promise
    } finally {
      this.socket.off('close', gone)
    }
  }

  [Symbol.dispose]() {
    // What the kernel took is still delivered.
    this.socket.destroySoon()
  }
}

/** Opens a stream to a collector that doesn't answer. Rejects as `StreamChannel.open` does. */
export async function openStream(target: StreamTarget, signal: AbortSignal): Promise<Channel> {
  const stream = await StreamChannel.open(target, signal)
  return stream.withoutAnswers()
}

function dial(target: StreamTarget): Socket {
  if (target.kind === 'unix') return connectPlain(target.path)
  const { host, port } = target
  if (target.kind === 'tcp') return connectPlain({ host, port, noDelay: true })
  return connectTls({ host, port, ...(isName(host) && { servername: host }), ...target.options })
}

const isName = (host: string) => !isIPv6(host) && !/^[\d.]+$/.test(host)

// So many datagrams are given to the kernel before the first of them has been asked about.
const burst = 64

/** Opens UDP: nobody says whether datagrams arrive, but the kernel may tell that nobody listens. */
export async function openUdp(host: string, port: number, signal: AbortSignal): Promise<Channel> {
  // A name may have addresses of one kind only; nobody would tell that a collector listens on the other.
  const { address, family } = await unlessAborted(lookup(host, { order: 'ipv4first' }), signal)
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' })
  let failure: Error | undefined
  socket.on('error', error => (failure ??= error))
  try {
    socket.connect(port, address)
    await once(socket, 'connect', { signal })
  } catch (error) {
    socket.close()
    throw error
  }
  const sendOne = (datagram: Buffer) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    socket.send(datagram, error => (error ? reject(error) : resolve()))
    return promise
  }
  return {
    async send(messages) {
      for (let at = 0; at < messages.length; at += burst) {
        if (failure) throw failure
        await Promise.all(messages.slice(at, at + burst).map(sendOne))
      }
    },
    [Symbol.dispose]: () => socket.close(),
  }
}

// Looking a name up can't be called off, and may take as long as a name server is silent.
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () => reject(signal.reason)
  signal.addEventListener('abort', giveUp)
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/** Milliseconds between two attempts to send to a unix socket that is full: nothing tells when it has room again. */
const fullPause = 5
/** How often the kernel may lack the memory for a message: then less of it is sent. */
const mostShortages = 20
/** Bytes: what is not longer has to have room. */
const shortMessage = 512

/**
 * Opens a way for datagrams to the socket at `path`. A message that no datagram can hold goes as a sealed file to a receiver
 * that takes those, and is cut short for others. Throws KernelError.
 */
export function openUnixDatagram(path: string, signal: AbortSignal, takesFiles = false): Channel {
  const socket = UnixDatagram.connect(path)
  const deliver = async (message: Buffer): Promise<void> => {
    if (await hasSent(() => socket.send(message), signal)) return
    if (takesFiles && (await hasSent(() => socket.sendAsFile(message), signal))) return
    if (takesFiles || message.length <= shortMessage) throw new Error(`there is no memory for messages to ${path}`)
    await deliver(firstHalf(message))
  }
  return {
    async send(messages) {
      for (const message of messages) await deliver(message)
    },
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  }
}

// Waits for room; false if the message is too long to be sent like this.
async function hasSent(send: () => boolean, signal: AbortSignal): Promise<boolean> {
  for (let shortages = 0; shortages < mostShortages; await sleep(fullPause, undefined, { signal })) {
    try {
      if (send()) return true
    } catch (error) {
      if (hasCode(error, 'EMSGSIZE')) return false
      if (!hasCode(error, 'ENOBUFS')) throw error
      shortages++
    }
  }
  return false
}

// Of whole characters.
function firstHalf(message: Buffer): Buffer {
  let length = Math.floor(message.length / 2)
  while (length > 0 && ((message[length] ?? 0) & 0xc0) === 0x80) length--
  return message.subarray(0, length)
}
