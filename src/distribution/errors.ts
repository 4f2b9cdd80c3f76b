// How a registry says no (OCI distribution-spec, "Error Codes"), in the words that Docker's clients know.

import { type ErrorKind, GantryError } from '../lib/errors.ts'

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

/** The error that an answer stands for; `what` is the request, such as `GET https://example.org/v2/`. */
export function registryError(what: string, status: number, body: string): RegistryError {
  const [first] = errorsOf(body)
  const code = first?.code ?? ''
  if (code !== '') return new RegistryError(status, code, shorten(`${words(code)}: ${first?.message || words(code)}`))
  if (status === 401) return new RegistryError(status, '', 'unauthorized: authentication required')
  if (status === 429) return new RegistryError(status, '', 'toomanyrequests: the registry asks to try again later')
  return new RegistryError(status, '', `unexpected status from ${what}: ${status}`)
}

const words = (code: string) => code.toLowerCase().replaceAll('_', ' ')

// What a registry says is shown to people, perhaps on a terminal.
const shorten = (text: string) => text.replaceAll(/\p{Cc}/gu, ' ').slice(0, maximumText)

function errorsOf(body: string): { code: string; message: string }[] {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return []
  }
  const list = typeof value === 'object' && value !== null && 'errors' in value ? value.errors : undefined
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown) => {
    const { code, message } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>
    return typeof code === 'string' ? [{ code, message: typeof message === 'string' ? message : '' }] : []
  })
}
