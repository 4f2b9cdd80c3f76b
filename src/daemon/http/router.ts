// Finds the operation of a request; all tables are built once, so that a look-up is one or two map reads.

import { decoder } from '../../api/decode.ts'
import type { Answer, Call, Handlers } from '../../api/handler.ts'
import type { Route } from '../../api/route.ts'
import { type OperationId, routes } from '../../api/routes/all.ts'

/** A handler without the types of its route, which the router has checked. */
type AnyHandler = (call: Call<Readonly<Record<string, string>>, unknown, unknown>) => Promise<Answer>

/** A route with its handler. */
export interface Operation {
  readonly id: string
  readonly route: Route
  /** The names of the path's parameters: none, one or two. */
  readonly parameters: readonly string[]
  readonly handler: AnyHandler
  /** Turns parsed JSON into the body; throws `invalid`. */
  readonly decode: ((value: unknown) => unknown) | undefined
}

export interface Match {
  readonly operation: Operation
  readonly params: Readonly<Record<string, string>>
}

const noParams: Readonly<Record<string, string>> = Object.freeze({})

/** Routes requests to the handlers there are; an operation without a handler does not exist. */
export class Router {
  readonly #exact = new Map<string, Operation>()
  /** By method, first segment and last segments, `{}` for a second parameter; '' where the parameter is the rest of the path. */
  readonly #byEnds = new Map<string, Operation>()

  constructor(handlers: Partial<Handlers>) {
    for (const id of Object.keys(handlers) as OperationId[]) {
      const handler = handlers[id] as AnyHandler | undefined
      if (handler) this.#add(id, routes[id] as Route, handler)
    }
  }

  #add(id: string, route: Route, handler: AnyHandler) {
    const [, before = '', first, after = ''] = /^([^{]*)(?:\{(\w+)\}(.*))?$/.exec(route.path) ?? []
    const second = /\{(\w+)\}$/.exec(after)?.[1]
    const parameters = [first, second].filter(name => name !== undefined)
    const decode = route.body.kind === 'json' ? decoder(route.body.schema) : undefined
    const operation = { id, route, parameters, handler, decode }
    if (first === undefined) this.#exact.set(`${route.method} ${route.path}`, operation)
    else this.#byEnds.set(`${route.method} ${before} ${after.replace(/\{\w+\}$/, '{}')}`, operation)
  }

  /** The operation for a decoded path without version; a parameter may contain slashes. */
  find(method: string, path: string): Match | undefined {
    const exact = this.#exact.get(`${method} ${path}`)
    if (exact) return { operation: exact, params: noParams }
    const start = path.indexOf('/', 1) + 1
    if (start === 0) return undefined
    const first = path.slice(0, start)
    const last = path.lastIndexOf('/')
    // What follows the parameter is one segment, or two.
    const beforeLast = path.lastIndexOf('/', last - 1)
    for (const end of [last, beforeLast]) {
      const middle = end >= start ? this.#byEnds.get(`${method} ${first} ${path.slice(end)}`) : undefined
      if (middle) return matched(middle, path.slice(start, end))
    }
    const word = beforeLast >= start ? `${path.slice(beforeLast, last)}/{}` : ''
    const pair = word && this.#byEnds.get(`${method} ${first} ${word}`)
    if (pair) return matched(pair, path.slice(start, beforeLast), path.slice(last + 1))
    const rest = this.#byEnds.get(`${method} ${first} `)
    return rest && matched(rest, path.slice(start))
  }
}

const matched = (operation: Operation, ...values: readonly string[]): Match => ({
  operation,
  params: Object.fromEntries(operation.parameters.map((name, index) => [name, values[index] ?? ''])),
})
