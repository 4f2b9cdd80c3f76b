// The one table from error kinds to HTTP statuses.

import { type ErrorKind, kindOf } from '../../lib/errors.ts'

export const statusByKind: Readonly<Record<ErrorKind, number>> = {
  notModified: 304,
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  conflict: 409,
  system: 500,
  notImplemented: 501,
  unavailable: 503,
}

/** The status that answers a thrown value. */
export const statusOf = (error: unknown): number => statusByKind[kindOf(error)]
