// Connections that become WebSockets (RFC 6455): a stream of bytes, in messages.

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { WebSocketAnswer } from '../../api/handler.ts'
import type { Log } from '../../lib/log.ts'

/** Most bytes in one message of a client's; what is larger closes the connection. */
const maximumMessage = 1 << 20

/** Shakes hands and runs the answer on the stream; closes the connection afterwards. A bad handshake is answered 400. */
export async function serveWebSocket(request: IncomingMessage, socket: Socket, answer: WebSocketAnswer, log: Log) {
  // Only who is asked for a WebSocket waits for the library to be loaded.
  const { WebSocketServer, createWebSocketStream } = await import('ws')
  const server = new WebSocketServer({ noServer: true, maxPayload: maximumMessage, perMessageDeflate: false })
  server.handleUpgrade(request, socket, Buffer.alloc(0), webSocket => {
    const stream = createWebSocketStream(webSocket, answer.binary ? {} : { encoding: 'utf8', decodeStrings: false })
    const gone = new AbortController()
    webSocket.once('close', () => gone.abort(new Error('The client closed the connection')))
    stream.on('error', error => log.debug({ err: error }, 'A WebSocket client went away'))
    answer
      .run(stream, gone.signal)
      .catch((error: unknown) => {
        if (!gone.signal.aborted) log.warn({ err: error }, 'A WebSocket failed')
      })
      .finally(() => webSocket.close())
  })
}
