// Connections to a published port that the kernel can't translate: from IPv6 clients to a container without IPv6.

import { createServer, connect, type Socket } from 'node:net'
import type { Fd } from '../kernel/descriptor.ts'

/** Where a relay leads. */
export interface RelayTarget {
  readonly address: string
  readonly port: number
}

/** A running relay; disposing ends it and its connections. */
export type Relay = AsyncDisposable

const maxConnections = 1024

/**
 * Accepts on a duplicate of `listener`, a listening TCP socket, and passes every connection on to `target`, each
 * direction ended by itself. Connections beyond 1024 at a time are closed. Memory is bounded by the streams' buffers.
 */
export async function relayTcp(listener: Fd, target: RelayTarget): Promise<Relay> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, client => {
    const upstream = connect({ host: target.address, port: target.port, allowHalfOpen: true })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    upstream.once('connect', () => join(client, upstream))
    joinErrors(client, upstream)
  })
  server.maxConnections = maxConnections
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ fd: listener.dup().release() }, resolve)
  await promise
  // The daemon's other work keeps it alive; accept(2) failing, out of descriptors say, must not end it.
  server.on('error', () => {})
  server.unref()
  return {
    async [Symbol.asyncDispose]() {
      const closed = Promise.withResolvers<void>()
      server.close(() => closed.resolve())
      for (const socket of sockets) socket.destroy()
      await closed.promise
    },
  }
}

// Both are allowHalfOpen, so pipe's end() closes only the direction that is over.
function join(client: Socket, upstream: Socket) {
  client.setNoDelay(true)
  upstream.setNoDelay(true)
  client.pipe(upstream)
  upstream.pipe(client)
}

// A reset on one side is a reset on the other.
function joinErrors(client: Socket, upstream: Socket) {
  const pairs = [
    [client, upstream],
    [upstream, client],
  ] as const
  for (const [socket, other] of pairs) {
    socket.on('error', () => other.resetAndDestroy())
    socket.once('close', () => {
      if (!other.writableEnded) other.destroy()
    })
  }
}
