// What a handler of an operation gets and what it answers.

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import type { Duplex, Readable, Writable } from 'node:stream'
import type { QueryOf } from './query.ts'
import type { BodyOf, ParametersOf, Route } from './route.ts'
import type { routes } from './routes/all.ts'
import type { ApiVersion } from './version.ts'

/** A request, parsed and checked against its route. */
export interface Call<Params, Query, Body> {
  /** The parameters of the path. */
  readonly params: Params
  readonly query: Query
  readonly body: Body
  /** What the client asked for, or the newest. */
  readonly version: ApiVersion
  readonly headers: IncomingHttpHeaders
  /** The raw body, for routes that stream it. */
  readonly input: Readable
  /** Aborted when the client is gone before the answer is complete. */
  readonly signal: AbortSignal
}

/** A JSON value and a newline. */
export interface JsonAnswer {
  readonly kind: 'json'
  readonly status: number
  readonly value: unknown
  readonly headers: OutgoingHttpHeaders
}

/** A status, and plain text or nothing. */
export interface TextAnswer {
  readonly kind: 'text'
  readonly status: number
  readonly text: string
  readonly headers: OutgoingHttpHeaders
}

/** A body written bit by bit. */
export interface StreamAnswer {
  readonly kind: 'stream'
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  /** `cut`: headers go out at once, a failure cuts the connection. `report`: see `progress`. */
  readonly failure: 'cut' | 'report'
  /** Writes the body, heeding back-pressure; the server ends `out` afterwards. */
  write(out: Writable, signal: AbortSignal): Promise<void>
}

/** The connection itself, after the headers. */
export interface HijackAnswer {
  readonly kind: 'hijack'
  readonly contentType: string
  /**
   * Owns the connection until it settles; then the server closes it. Half-close is preserved in both directions: the
   * client's shows as 'end', and `socket.end()` sends ours. `signal` is aborted when the connection is gone. Iterate over
   * `socket.iterator({ destroyOnReturn: false })`, since `for await` on the socket itself would destroy it at its end.
   */
  run(socket: Duplex, signal: AbortSignal): Promise<void>
}

/** A WebSocket: what its messages hold is a stream of bytes, both ways. */
export interface WebSocketAnswer {
  readonly kind: 'websocket'
  /** Messages to the client are binary; else text, as clients before API 1.28 expect. */
  readonly binary: boolean
  /** Owns the stream until it settles; then the server closes it. `signal` is aborted when the connection is gone. */
  run(stream: Duplex, signal: AbortSignal): Promise<void>
}

export type Answer = JsonAnswer | TextAnswer | StreamAnswer | HijackAnswer | WebSocketAnswer

/** A JSON value. */
export const json = (value: unknown, status = 200, headers: OutgoingHttpHeaders = {}): JsonAnswer => ({
  kind: 'json',
  status,
  value,
  headers,
})

/** A status without a body; 204 unless another is given. */
export const empty = (status = 204, headers: OutgoingHttpHeaders = {}): TextAnswer => ({
  kind: 'text',
  status,
  text: '',
  headers,
})

/** Plain text. */
export const text = (value: string, status = 200, headers: OutgoingHttpHeaders = {}): TextAnswer => ({
  kind: 'text',
  status,
  text: value,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
})

type Write = StreamAnswer['write']

/** A body that is written while the client reads. The headers go out at once; a failure cuts the connection. */
export const stream = (options: {
  contentType: string
  status?: number
  headers?: OutgoingHttpHeaders
  write: Write
}): StreamAnswer => ({
  kind: 'stream',
  status: options.status ?? 200,
  headers: { 'Content-Type': options.contentType, ...options.headers },
  failure: 'cut',
  write: options.write,
})

/**
 * Lines of progress, or another body that may yet turn out to be an error. The headers go out with the first byte: a
 * failure before it is answered by its status, a failure after it by a last line of JSON with `errorDetail`.
 */
export const progress = (options: { contentType?: string; write: Write }): StreamAnswer => ({
  kind: 'stream',
  status: 200,
  headers: { 'Content-Type': options.contentType ?? 'application/json' },
  failure: 'report',
  write: options.write,
})

/** Takes over the connection: 101 UPGRADED for clients that asked to upgrade, else 200. */
export const hijack = (options: { contentType: string; run: HijackAnswer['run'] }): HijackAnswer => ({
  kind: 'hijack',
  ...options,
})

/** Takes over the connection of a client that asked for a WebSocket; others get 400. */
export const webSocket = (options: { binary: boolean; run: WebSocketAnswer['run'] }): WebSocketAnswer => ({
  kind: 'websocket',
  ...options,
})

/** Output of a process as it is: a terminal's, or what an old client expects. */
export const rawStream = 'application/vnd.docker.raw-stream'

/** The media type of a process's output: in frames that name the stream unless there is a terminal, said since 1.42. */
export const outputType = (tty: boolean, version: ApiVersion): string =>
  !tty && version.atLeast('1.42') ? 'application/vnd.docker.multiplexed-stream' : rawStream

/** The function that answers calls of one route. */
export type HandlerOf<R> =
  R extends Route<infer Path, infer Query, infer B>
    ? (call: Call<Readonly<Record<ParametersOf<Path>, string>>, QueryOf<Query>, BodyOf<B>>) => Promise<Answer>
    : never

/** A handler for each operation. */
export type Handlers = { readonly [Id in keyof typeof routes]: HandlerOf<(typeof routes)[Id]> }
