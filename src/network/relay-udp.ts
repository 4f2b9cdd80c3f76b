// Datagrams to a published port that the kernel can't translate: from IPv6 clients to a container without IPv6.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import type { Fd } from '../kernel/descriptor.ts'
import type { Relay, RelayTarget } from './relay.ts'

const maxClients = 1024
const idleMillis = 90_000

/**
 * Receives on a duplicate of `listener`, a bound UDP socket, and passes each client's datagrams on to `target` from a
 * socket of its own, so that answers find their way back. A client is forgotten after 90 idle seconds, or when 1024
 * others have come since.
 */
export async function relayUdp(listener: Fd, target: RelayTarget): Promise<Relay> {
  const server = createSocket({ type: 'udp6', ipv6Only: true })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.bind({ fd: listener.dup().release() }, resolve)
  await promise
  server.on('error', () => {})
  const clients = new Clients(server, target)
  server.on('message', (datagram, from) => clients.forward(datagram, from))
  server.unref()
  return {
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      clients.close()
      await closed.promise
    },
  }
}

interface Client {
  readonly socket: Socket
  readonly idle: NodeJS.Timeout
}

class Clients {
  readonly #server: Socket
  readonly #target: RelayTarget
  // In the order of last use: the first is the one to forget.
  readonly #clients = new Map<string, Client>()

  constructor(server: Socket, target: RelayTarget) {
    this.#server = server
    this.#target = target
  }

  forward(datagram: Buffer, from: RemoteInfo) {
    const key = `${from.address} ${from.port}`
    const client = this.#clients.get(key) ?? this.#admit(key, from)
    this.#clients.delete(key)
    this.#clients.set(key, client)
    client.idle.refresh()
    client.socket.send(datagram, this.#target.port, this.#target.address, () => {})
  }

  close() {
    for (const key of this.#clients.keys()) this.#forget(key)
  }

  #admit(key: string, from: RemoteInfo): Client {
    if (this.#clients.size >= maxClients) {
      for (const oldest of this.#clients.keys()) {
        this.#forget(oldest)
        break
      }
    }
    const socket = createSocket('udp4')
    socket.on('error', () => this.#forget(key))
    socket.on('message', answer => this.#server.send(answer, from.port, from.address, () => {}))
    socket.unref()
    return { socket, idle: setTimeout(() => this.#forget(key), idleMillis).unref() }
  }

  #forget(key: string) {
    const client = this.#clients.get(key)
    if (!client) return
    this.#clients.delete(key)
    clearTimeout(client.idle)
    client.socket.close()
  }
}
