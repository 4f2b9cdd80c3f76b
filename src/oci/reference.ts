// Names of images as Docker reads them: `busybox` is docker.io/library/busybox:latest.
// The grammar is that of the distribution project's reference package.

import { invalid } from '../lib/errors.ts'
import { type Digest, digestProblem } from './digest.ts'

/** A normalized name: `domain/path`, with a tag, a digest, both or neither. */
export interface Reference {
  readonly domain: string
  readonly path: string
  readonly tag?: string
  readonly digest?: Digest
}

const componentPattern = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])'
const domainPattern = String.raw`(?:${componentPattern}(?:\.${componentPattern})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`
const pathPart = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const tagPattern = String.raw`[\w][\w.-]{0,127}`
const digestPattern = String.raw`[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}`
const whole = new RegExp(
  `^(${domainPattern})/(${pathPart}(?:/${pathPart})*)(?::(${tagPattern}))?(?:@(${digestPattern}))?$`,
)
const wholeTag = new RegExp(`^${tagPattern}$`)

const defaultDomain = 'docker.io'
const officialPrefix = 'library/'
const maximumPathLength = 255
/** Longer text can't be a valid name; it is refused before any expression sees it. */
const maximumLength = 1024

/**
 * Reads a name as a user types it; no tag is added. Throws `invalid` with the texts of Docker, such as
 * `invalid reference format`.
 */
export function parseReference(text: string): Reference {
  if (/^[a-f0-9]{64}$/.test(text)) {
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`)
  }
  if (text.length > maximumLength) throw invalid('invalid reference format')
  const [host, rest] = splitDomain(text)
  const name = rest.split(':', 1)[0] ?? ''
  if (name !== name.toLowerCase()) {
    throw invalid(`invalid reference format: repository name (${name}) must be lowercase`)
  }
  return matchReference(`${host}/${rest}`)
}

function matchReference(text: string): Reference {
  const match = whole.exec(text)
  if (!match) throw invalid('invalid reference format')
  const [, host = '', path = '', tag, digest] = match
  if (path.length > maximumPathLength) {
    throw invalid(`repository name must not be more than ${maximumPathLength} characters`)
  }
  const problem = digest === undefined ? undefined : digestProblem(digest)
  if (problem !== undefined) throw invalid(problem)
  return { domain: host, path, tag, digest: digest as Digest | undefined }
}

// A first part is a registry only if it can't be a user's name on the default one.
function splitDomain(text: string): [domain: string, rest: string] {
  const slash = text.indexOf('/')
  const first = text.slice(0, Math.max(slash, 0))
  const isHost = slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase())
  const host = !isHost || first === 'index.docker.io' ? defaultDomain : first
  const rest = isHost ? text.slice(slash + 1) : text
  return [host, host === defaultDomain && !rest.includes('/') ? officialPrefix + rest : rest]
}

/** `reference` with `tag` in place of any tag it has. Throws `invalid tag format`. */
export function withTag(reference: Reference, tag: string): Reference {
  if (!wholeTag.test(tag)) throw invalid('invalid tag format')
  return { ...reference, tag }
}

/** `reference` with the tag `latest` if it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference
}

/** The repository alone, normalized: `docker.io/library/busybox`. */
export const repositoryOf = (reference: Reference): string => `${reference.domain}/${reference.path}`

/** The repository as people write it: `busybox`. */
export function familiarName(reference: Reference): string {
  const { domain: host, path } = reference
  if (host !== defaultDomain) return `${host}/${path}`
  const short = path.slice(officialPrefix.length)
  return path.startsWith(officialPrefix) && !short.includes('/') ? short : path
}

/** The whole reference, normalized: `docker.io/library/busybox:latest`. */
export const formatReference = (reference: Reference): string => repositoryOf(reference) + suffix(reference)

/** The whole reference as people write it: `busybox:latest`. */
export const familiarReference = (reference: Reference): string => familiarName(reference) + suffix(reference)

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`)
}
