// The registry's errors: the codes of the OCI distribution specification, "Error Codes", and their HTTP status.

const statuses = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
} as const

export type ErrorCode = keyof typeof statuses

/** An error that the client is told: a code of the specification, one sentence, and what it is about. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError'
  readonly code: ErrorCode
  /** HTTP's status; the code's own unless another one says more. */
  readonly status: number
  /** What the client asked for that is wrong: a name, a digest, a range. */
  readonly detail: Readonly<Record<string, string>> | undefined

  constructor(code: ErrorCode, message: string, more: { detail?: Record<string, string>; status?: number } = {}) {
    super(message)
    this.code = code
    this.status = more.status ?? statuses[code]
    this.detail = more.detail
  }
}

/** The body of an answer that tells of `error`. */
export function formatError({ code, message, detail }: RegistryError): string {
  return JSON.stringify({ errors: [{ code, message, detail }] })
}

/** What the client is told of any thrown value: foreign errors keep their message to themselves. */
export function toRegistryError(error: unknown): RegistryError {
  return error instanceof RegistryError ? error : new RegistryError('UNKNOWN', 'the registry failed: see its log')
}
