// Why a server could not be reached, in the words of Go's programs, which clients look for.

/** Codes of OpenSSL for a certificate that nobody trusted has signed. */
const untrusted: readonly string[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]

/** What went wrong on the way to `url`, in a few words: the innermost reason says most. */
export function reasonOf(error: unknown, { host, hostname }: Pick<URL, 'host' | 'hostname'>): string {
  const cause = innermost(error)
  if (!(cause instanceof Error)) return String(cause)
  const { code = '', address, port } = cause as NodeJS.ErrnoException & { address?: string; port?: number }
  const place = address !== undefined && port !== undefined ? `${bracketed(address)}:${port}` : host
  if (untrusted.includes(code)) {
    return `x509: certificate signed by unknown authority: if it is to be trusted, put its authority's certificate into /etc/docker/certs.d/${host}/ca.crt`
  }
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${place}: connect: connection refused`
    case 'EHOSTUNREACH':
      return `dial tcp ${place}: connect: no route to host`
    case 'ENETUNREACH':
      return `dial tcp ${place}: connect: network is unreachable`
    case 'ENOTFOUND':
      return `dial tcp: lookup ${hostname}: no such host`
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${hostname}: Temporary failure in name resolution`
    case 'ETIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return `dial tcp ${place}: i/o timeout`
    case 'UND_ERR_HEADERS_TIMEOUT':
      return 'net/http: timeout awaiting response headers'
    case 'UND_ERR_BODY_TIMEOUT':
      return 'net/http: timeout while reading the response body'
    case 'ECONNRESET':
      return 'read: connection reset by peer'
    case 'UND_ERR_SOCKET':
      return 'EOF'
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return 'x509: certificate has expired or is not yet valid'
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `x509: certificate is not valid for ${hostname}`
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return 'http: server gave HTTP response to HTTPS client'
    default:
      return cause.message
  }
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0])
  return error instanceof Error && error.cause !== undefined ? innermost(error.cause) : error
}
