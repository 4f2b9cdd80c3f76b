// How a registry says no (OCI distribution-spec, "Error Codes"), in the words that Docker's clients know.

import { STATUS_CODES } from 'node:http'
import { type ErrorKind, GantryError } from '../lib/errors.ts'
import type { Challenge } from './challenge.ts'
import { parseObject } from './json.ts'

/** A registry's refusal. */
export class RegistryError extends GantryError {
  /** The HTTP status. */
  readonly status: number
  /** The specification's code, such as MANIFEST_UNKNOWN; '' if the registry gave none. */
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(kindOfStatus(status), message)
    this.status = status
    this.code = code
  }
}

/** True if it says that the thing asked for is not there. */
export const isMissing = (error: unknown): boolean => error instanceof RegistryError && error.status === 404

function kindOfStatus(status: number): ErrorKind {
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'notFound'
  if (status === 429 || status >= 500) return 'unavailable'
  return status < 400 ? 'system' : 'invalid'
}

const maximumText = 1024

export interface Refusal {
  readonly status: number
  readonly body: string
  /** Of WWW-Authenticate. */
  readonly challenges?: readonly Challenge[]
}

/** The error that an answer stands for. What a Bearer challenge says (RFC 6750, section 3.1) counts before the body. */
export function registryError({ status, body, challenges = [] }: Refusal): RegistryError {
  if (status >= 500) return new RegistryError(status, '', unexpected(status))
  const [first] = [...challenges.flatMap(challengeError), ...errorsOf(status, body)]
  if (first) return new RegistryError(status, first.code, shorten(sentence(first)))
  if (status === 401) return new RegistryError(status, 'UNAUTHORIZED', 'unauthorized: authentication required')
  if (status === 429) return new RegistryError(status, 'TOOMANYREQUESTS', 'toomanyrequests: too many requests')
  return new RegistryError(status, '', unexpected(status))
}

const unexpected = (status: number) => `received unexpected HTTP status: ${status} ${STATUS_CODES[status] ?? ''}`.trim()

interface Said {
  readonly code: string
  readonly message: string
}

/** What the codes mean if the registry doesn't say. */
const usual: Readonly<Record<string, string>> = {
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
}

function challengeError({ scheme, parameters }: Challenge): Said[] {
  if (scheme !== 'bearer') return []
  const codes: Readonly<Record<string, string>> = { invalid_token: 'UNAUTHORIZED', insufficient_scope: 'DENIED' }
  const code = codes[parameters['error'] ?? '']
  return code === undefined ? [] : [{ code, message: parameters['error_description'] ?? '' }]
}

const sentence = ({ code, message }: Said) => `${words(code)}: ${message || usual[code] || words(code)}`

const words = (code: string) => code.toLowerCase().replaceAll('_', ' ')

// What a registry says is shown to people, perhaps on a terminal.
const shorten = (text: string) => text.replaceAll(/\p{Cc}/gu, ' ').slice(0, maximumText)

function errorsOf(status: number, body: string): Said[] {
  const { errors, details } = parseObject(body)
  // As some authorization services say it.
  if (typeof details === 'string' && details !== '') {
    const codes: Readonly<Record<number, string>> = { 401: 'UNAUTHORIZED', 429: 'TOOMANYREQUESTS' }
    return [{ code: codes[status] ?? 'UNKNOWN', message: details }]
  }
  if (!Array.isArray(errors)) return []
  return errors.flatMap((item: unknown) => {
    const { code, message } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>
    return typeof code === 'string' ? [{ code, message: typeof message === 'string' ? message : '' }] : []
  })
}
