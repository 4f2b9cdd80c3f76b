// A request as handlers see it.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable, Writable } from 'node:stream'
import type { Call } from '../../api/handler.ts'
import type { ApiVersion } from '../../api/version.ts'

type Params = Readonly<Record<string, string>>

/** One request on its way to a handler. */
export class IncomingCall implements Call<Params, unknown, unknown> {
  readonly params: Params
  readonly query: unknown
  readonly body: unknown
  readonly version: ApiVersion
  readonly headers: IncomingHttpHeaders
  readonly input: Readable
  readonly #out: Writable
  #signal: AbortSignal | undefined

  constructor(
    request: IncomingMessage,
    out: Writable,
    parts: { params: Params; query: unknown; body: unknown; version: ApiVersion },
  ) {
    this.params = parts.params
    this.query = parts.query
    this.body = parts.body
    this.version = parts.version
    this.headers = request.headers
    this.input = request
    this.#out = out
  }

  // Made when it is asked for: most calls never look at it.
  get signal(): AbortSignal {
    this.#signal ??= goneSignal(this.#out)
    return this.#signal
  }
}

/** A signal that is aborted when `out` is closed before all of it was written. */
export function goneSignal(out: Writable): AbortSignal {
  const controller = new AbortController()
  const onClose = () => {
    if (!out.writableFinished) controller.abort(new Error('The client closed the connection'))
  }
  if (out.destroyed) onClose()
  else out.once('close', onClose)
  return controller.signal
}
