// Content digests: `sha256:<64 hex>`, checked before they name anything.

import { createHash } from 'node:crypto'
import { invalid } from '../lib/errors.ts'

/** A digest that has been checked; safe to use in a path. */
export type Digest = `sha256:${string}`

const lengths: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
])

/**
 * Checks `text` as a digest. Only sha256 is accepted: nothing else names content here. Throws `invalid` with the
 * texts of the OCI digest library.
 */
export function parseDigest(text: string): Digest {
  const problem = digestProblem(text)
  if (problem !== undefined) throw invalid(problem)
  return text as Digest
}

/** True if `text` is a digest that parseDigest accepts. */
export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && digestProblem(text) === undefined

/** What is wrong with `text` as a digest; undefined if nothing is. */
export function digestProblem(text: string): string | undefined {
  const separator = text.indexOf(':')
  const algorithm = text.slice(0, Math.max(separator, 0))
  if (separator <= 0 || !/^[a-z0-9]+(?:[.+_-][a-z0-9]+)*$/.test(algorithm)) return 'invalid checksum digest format'
  const length = lengths.get(algorithm)
  if (length === undefined) return 'unsupported digest algorithm'
  const encoded = text.slice(separator + 1)
  if (encoded.length !== length) return 'invalid checksum digest length'
  if (!/^[0-9a-f]+$/.test(encoded)) return 'invalid checksum digest format'
  return algorithm === 'sha256' ? undefined : 'unsupported digest algorithm'
}

/** The digest's 64 hex digits: the name of a file in the content store. */
export const hexOf = (digest: Digest): string => digest.slice('sha256:'.length)

/** The digest of `bytes`; a string counts as UTF-8. */
export const digestOf = (bytes: string | NodeJS.ArrayBufferView): Digest =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`
