// Writes answers to ordinary requests.

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import type { Answer, HijackAnswer, StreamAnswer } from '../../api/handler.ts'
import { rawStream } from '../../api/handler.ts'
import { encodeJson, progressError } from '../../api/json.ts'
import { invalid, kindOf, messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { goneSignal } from './call.ts'
import { statusOf } from './status.ts'

/** A complete answer as bytes: status, headers and body. */
export interface Rendered {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: string
}

/** The answer for a thrown value: Docker's `{"message"}`. */
export function renderError(error: unknown): Rendered {
  const status = statusOf(error)
  if (status === 304) return { status, headers: {}, body: '' }
  return { status, headers: { 'Content-Type': 'application/json' }, body: encodeJson({ message: messageOf(error) }) }
}

/** An answer that is complete; undefined for those that take time. */
export function render(answer: Answer): Rendered | undefined {
  if (answer.kind === 'text') return { status: answer.status, headers: answer.headers, body: answer.text }
  if (answer.kind !== 'json') return undefined
  const headers = { 'Content-Type': 'application/json', ...answer.headers }
  return { status: answer.status, headers, body: encodeJson(answer.value) }
}

const bodyless = new Set([204, 304])

/** Sends a complete answer; `common` are the headers of every answer. */
export function send(response: ServerResponse, common: OutgoingHttpHeaders, { status, headers, body }: Rendered) {
  const length = bodyless.has(status) ? {} : { 'Content-Length': Buffer.byteLength(body) }
  response.writeHead(status, { ...common, ...headers, ...length })
  response.end(body)
}

/** What answering needs besides the answer. */
export interface Replying {
  /** Headers of every answer. */
  readonly headers: OutgoingHttpHeaders
  readonly log: Log
}

/** Sends any answer; resolves when all of it has been handed to the connection. */
export async function respond(response: ServerResponse, answer: Answer, replying: Replying): Promise<void> {
  const rendered = render(answer)
  if (rendered) send(response, replying.headers, rendered)
  else if (answer.kind === 'stream') await sendStream(response, answer, replying)
  else if (answer.kind === 'hijack') await sendRaw(response, answer, replying)
  else send(response, replying.headers, renderError(invalid('only WebSocket clients can connect here')))
}

async function sendStream(response: ServerResponse, answer: StreamAnswer, { headers, log }: Replying) {
  const signal = goneSignal(response)
  response.statusCode = answer.status
  response.setHeaders(new Map(Object.entries({ ...headers, ...answer.headers }) as [string, string][]))
  if (answer.failure === 'cut') response.flushHeaders()
  try {
    await answer.write(response, signal)
    response.end()
  } catch (error) {
    if (!signal.aborted && statusOf(error) >= 500) log.error({ err: error }, 'A stream failed')
    failStream(response, answer, error)
  }
}

function failStream(response: ServerResponse, answer: StreamAnswer, error: unknown) {
  if (response.destroyed) return
  if (answer.failure === 'cut') response.destroy()
  else if (response.headersSent) response.end(progressError(messageOf(error)))
  else send(response, {}, renderError(error))
}

// A client that did not ask to upgrade, on a connection that served other requests before: its input is the body.
async function sendRaw(response: ServerResponse, answer: HijackAnswer, { headers, log }: Replying) {
  response.useChunkedEncodingByDefault = false
  response.writeHead(200, { ...headers, 'Content-Type': rawStream, Connection: 'close' })
  response.flushHeaders()
  const socket = joined(response)
  socket.on('error', error => log.debug({ err: error }, 'A hijacked connection broke'))
  try {
    await answer.run(socket, goneSignal(response))
    socket.end()
  } catch (error) {
    log.warn({ err: error, kind: kindOf(error) }, 'A hijacked connection failed')
    socket.destroy()
  }
}

/** The request's body and the response's as one connection. */
function joined(response: ServerResponse): Duplex {
  const { req: request } = response
  const socket = new Duplex({
    read: () => void request.resume(),
    write: (chunk, encoding, done) => void response.write(chunk, encoding, done),
    final: done => void response.end(done),
    destroy: (error, done) => {
      if (error) response.destroy()
      done(error)
    },
  })
  request.on('data', chunk => {
    if (!socket.push(chunk)) request.pause()
  })
  if (request.readableEnded) socket.push(null)
  else request.once('end', () => socket.push(null))
  response.once('close', () => socket.destroy())
  return socket
}
