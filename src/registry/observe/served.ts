// What is told of a request once it has been answered: to the access log, and to the metrics.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** One request and its answer, as the access log has it. */
export interface Served {
  /** When the request came, in RFC 3339. */
  readonly time: string
  readonly remote: string
  /** Undefined for who did not say who they are. */
  readonly user?: string | undefined
  readonly method: string
  readonly url: string
  /** Which of the specification's endpoints. */
  readonly endpoint: string
  readonly repository?: string | undefined
  /** 499 if the client went away before there was an answer. */
  readonly status: number
  /** Bytes, with headers, as far as they went through the connection's own layer. */
  readonly received: number
  readonly sent: number
  readonly seconds: number
  readonly agent?: string | undefined
}

/** What comes to be known of a request while it is handled. */
export interface Facts {
  user?: string | undefined
  repository?: string
  endpoint: string
}

export type Observer = (served: Served) => void

const counted = new WeakMap<Socket, { read: number; written: number }>()

/** Tells `observer` of a request when it is over, however it ends; returns what is to be filled in until then. */
export function observe(request: IncomingMessage, response: ServerResponse, observer: Observer): Facts {
  const facts: Facts = { endpoint: 'none' }
  const began = Date.now()
  const { socket, method = '', url = '' } = request
  const before = counted.get(socket) ?? { read: 0, written: 0 }
  const remote = socket.remoteAddress ?? ''
  response.once('close', () => {
    const now = { read: socket.bytesRead, written: socket.bytesWritten }
    counted.set(socket, now)
    observer({
      time: new Date(began).toISOString(),
      remote,
      user: facts.user,
      method,
      url,
      endpoint: facts.endpoint,
      repository: facts.repository,
      status: response.headersSent ? response.statusCode : 499,
      received: now.read - before.read,
      sent: now.written - before.written,
      seconds: (Date.now() - began) / 1000,
      agent: request.headers['user-agent'],
    })
  })
  return facts
}
