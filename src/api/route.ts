// How an operation of the Engine API is declared: method, path, query and body in one place.

import type { Parameter } from './query.ts'
import type { Schema, Static } from './schema.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'

/** A body that is JSON. An empty one counts as `{}`, unless `required` names the error for it. */
export interface JsonBody<S extends Schema = Schema> {
  readonly kind: 'json'
  readonly schema: S
  /** The message for an object without any key, when one is needed. */
  readonly required?: string
}

/** A body of any length that the handler reads from `call.input`. */
export interface StreamBody {
  readonly kind: 'stream'
}

/** No body: one that is sent is discarded. */
export interface NoBody {
  readonly kind: 'none'
}

export type Body = JsonBody | StreamBody | NoBody

export interface Route<
  Path extends string = string,
  Query extends Readonly<Record<string, Parameter<unknown>>> = Readonly<Record<string, Parameter<unknown>>>,
  B extends Body = Body,
> {
  readonly method: Method
  /**
   * Without the version. One `{parameter}`, in the middle or at the end, may contain slashes; after it and a word there may
   * be a second one, which is the last segment.
   */
  readonly path: Path
  readonly query: Query
  readonly body: B
  /** True if the connection itself is taken over by the answer. */
  readonly hijacks: boolean
}

/** The names of the parameters in a path. */
export type ParametersOf<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParametersOf<Rest>
  : never

export type BodyOf<B> = B extends JsonBody<infer S> ? Static<S> : undefined

/** A JSON body of `schema`. With `required`, an empty object is refused with that message. */
export const json = <S extends Schema>(schema: S, required?: string): JsonBody<S> => ({
  kind: 'json',
  schema,
  required,
})

/** A body that is read as it comes. */
export const streamed: StreamBody = { kind: 'stream' }

const none: NoBody = { kind: 'none' }

/** Declares an operation. */
export function route<
  const Path extends string,
  Query extends Readonly<Record<string, Parameter<unknown>>> = Readonly<Record<never, never>>,
  B extends Body = NoBody,
>(method: Method, path: Path, parts: { query?: Query; body?: B; hijacks?: boolean } = {}): Route<Path, Query, B> {
  const { query = {} as Query, body = none as B, hijacks = false } = parts
  return { method, path, query, body, hijacks }
}
