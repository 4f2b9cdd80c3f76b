// The closed set of error kinds that every layer throws; src/daemon/http/status.ts maps them to HTTP.

/** What went wrong, in terms a caller can act on. */
export type ErrorKind =
  | 'invalid'
  | 'unauthorized'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'notModified'
  | 'unavailable'
  | 'notImplemented'
  | 'system'

/**
 * An error meant for the user: one sentence saying what was asked, what is wrong and, where it helps, what to do.
 * The underlying failure, if any, is in `cause` and is printed only by `--debug`.
 */
export class GantryError extends Error {
  readonly kind: ErrorKind

  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'GantryError'
    this.kind = kind
  }
}

type Options = { cause?: unknown }

/** The request itself is wrong (HTTP 400). */
export const invalid = (message: string, options?: Options) => new GantryError('invalid', message, options)
/** The thing named does not exist (404). */
export const notFound = (message: string, options?: Options) => new GantryError('notFound', message, options)
/** The request is fine but the present state forbids it (409). */
export const conflict = (message: string, options?: Options) => new GantryError('conflict', message, options)
/** Already as asked (304). */
export const notModified = (message: string, options?: Options) => new GantryError('notModified', message, options)
/** Understood, and refused (403). */
export const forbidden = (message: string, options?: Options) => new GantryError('forbidden', message, options)
/** Credentials are missing or wrong (401). */
export const unauthorized = (message: string, options?: Options) => new GantryError('unauthorized', message, options)
/** Not possible now, may be later (503). */
export const unavailable = (message: string, options?: Options) => new GantryError('unavailable', message, options)
/** A part of the Engine API that Gantry does not have (501). */
export const notImplemented = (message: string, options?: Options) =>
  new GantryError('notImplemented', message, options)
/** The host or the engine failed (500). */
export const system = (message: string, options?: Options) => new GantryError('system', message, options)

/** The kind of any thrown value: foreign errors count as `system`. */
export function kindOf(error: unknown): ErrorKind {
  const first = firstError(error)
  return first instanceof GantryError ? first.kind : 'system'
}

/** The sentence to show for any thrown value. */
export function messageOf(error: unknown): string {
  const first = firstError(error)
  return first instanceof Error ? first.message : String(first)
}

/** What went wrong first, where taking the steps before it back failed as well. */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error
}
