// The request target: version, path and query, taken apart without trusting the Host header.

import { decodePercent } from '../../api/query.ts'
import { ApiVersion, newestApiVersion, oldestApiVersion } from '../../api/version.ts'
import { invalid } from '../../lib/errors.ts'

export interface Target {
  /** As the client wrote it, such as `1.41`; undefined if it asked for none. */
  readonly version: string | undefined
  /** Decoded, without the version. */
  readonly path: string
  /** Still encoded, without `?`. */
  readonly query: string
  /** Where to look instead, if the path has empty, `.` or `..` segments. */
  readonly redirect: string | undefined
}

/** Takes a request target in origin or absolute form apart. Throws `invalid` if an escape is wrong. */
export function parseTarget(url: string): Target {
  const local = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i, '') || '/'
  const mark = local.indexOf('?')
  const full = decodePercent(mark < 0 ? local : local.slice(0, mark))
  const query = mark < 0 ? '' : local.slice(mark + 1)
  const redirect = /\/\/|\/\.\.?(?:\/|$)/.test(full) ? clean(full) + (mark < 0 ? '' : `?${query}`) : undefined
  const versioned = /^\/v([0-9.]+)(?=\/)/.exec(full)
  if (!versioned) return { version: undefined, path: full, query, redirect }
  return { version: versioned[1], path: full.slice(versioned[0].length), query, redirect }
}

function clean(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(encodeURIComponent(segment))
  }
  return `/${kept.join('/')}${path.endsWith('/') && kept.length > 0 ? '/' : ''}`
}

const oldest = new ApiVersion(oldestApiVersion)
const newest = new ApiVersion(newestApiVersion)
const known = new Map<string | undefined, ApiVersion>([[undefined, newest]])
for (let minor = 24; minor <= 56; minor++) known.set(`1.${minor}`, new ApiVersion(`1.${minor}`))

/** The version to serve. Throws `invalid`, in the words that clients look for, if it is out of range. */
export function negotiate(text: string | undefined): ApiVersion {
  const version = known.get(text) ?? new ApiVersion(text ?? '')
  if (version.compare(oldest) < 0) {
    throw invalid(
      `client version ${text} is too old. Minimum supported API version is ${oldest}, please upgrade your client to a newer version`,
    )
  }
  if (version.compare(newest) > 0) {
    throw invalid(`client version ${text} is too new. Maximum supported API version is ${newest}`)
  }
  return version
}
