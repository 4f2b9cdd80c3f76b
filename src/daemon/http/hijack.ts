// Answers on a connection that has left HTTP: the client asked to upgrade it, or speaks raw bytes after its request.

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Answer, type HijackAnswer, rawStream } from '../../api/handler.ts'
import { http } from '../../lib/http.ts'
import type { Log } from '../../lib/log.ts'
import type { HalfClosed } from './half-closed.ts'
import { type Rendered, render } from './respond.ts'
import { serveWebSocket } from './websocket.ts'

/** How long a client may take to close its side after the answer is complete, in milliseconds. */
const lingering = 10_000

/** A connection with what is needed to answer on it. */
export interface Hijacked {
  /** The bytes after the request's body. */
  readonly stream: Duplex
  /** The socket below it. */
  readonly socket: Socket
  readonly request: IncomingMessage
  /** True if the client asked for the upgrade, so that it expects status 101. */
  readonly upgraded: boolean
  readonly halfClosed: HalfClosed
  /** Headers that every answer carries. */
  readonly headers: OutgoingHttpHeaders
}

/** Sends any answer and closes the connection. */
export async function respondRaw(connection: Hijacked, answer: Answer, log: Log): Promise<void> {
  if (answer.kind === 'hijack') return runHijacked(connection, answer, log)
  if (answer.kind === 'websocket') return serveWebSocket(connection.request, connection.socket, answer, log)
  const rendered = render(answer)
  if (!rendered) throw new TypeError(`A route that hijacks cannot answer with a ${answer.kind}`)
  sendRaw(connection, rendered)
}

/** Sends a complete answer and closes the connection. */
export function sendRaw(connection: Hijacked, { status, headers: own, body }: Rendered) {
  const { headers } = connection
  const length = { 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  connection.stream.end(`${head(status, http.STATUS_CODES[status], { ...headers, ...own, ...length })}${body}`)
  linger(connection)
}

async function runHijacked(connection: Hijacked, answer: HijackAnswer, log: Log) {
  const { stream, upgraded, headers } = connection
  const gone = watch(connection)
  stream.write(
    upgraded
      ? head(101, 'UPGRADED', { ...headers, 'Content-Type': answer.contentType, Connection: 'Upgrade', Upgrade: 'tcp' })
      : head(200, 'OK', { ...headers, 'Content-Type': rawStream }),
  )
  try {
    await answer.run(stream, gone)
    stream.end()
    linger(connection)
  } catch (error) {
    if (!gone.aborted) log.warn({ err: error }, 'A hijacked connection failed')
    stream.destroy()
  }
}

function head(status: number, reason: string | undefined, headers: OutgoingHttpHeaders): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('')}\r\n`
}

// Closing a socket with unread input resets the connection, and the client could lose output it has not read yet.
function linger({ stream, socket }: Hijacked) {
  if (socket.destroyed) return
  stream.resume()
  const timer = setTimeout(() => socket.destroy(), lingering)
  stream.once('end', () => finishThenDestroy(stream))
  socket.once('close', () => clearTimeout(timer))
}

function finishThenDestroy(stream: Duplex) {
  if (stream.writableFinished) stream.destroy()
  else stream.once('finish', () => stream.destroy())
}

/** A signal that is aborted when the connection breaks, or when its peer has closed it altogether. */
function watch({ stream, socket, halfClosed }: Hijacked): AbortSignal {
  const controller = new AbortController()
  const onGone = () => controller.abort(new Error('The client closed the connection'))
  stream.on('error', onGone)
  socket.once('close', onGone)
  stream.once('end', () => halfClosed.add(socket))
  return controller.signal
}
