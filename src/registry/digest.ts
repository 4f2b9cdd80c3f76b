// Digests as the registry takes them: sha256 and sha512 (OCI image specification, descriptor.md, "Digests").

import { type Hash, createHash } from 'node:crypto'
import { RegistryError } from './errors.ts'

const lengths = { sha256: 64, sha512: 128 } as const

export type Algorithm = keyof typeof lengths

/** A digest that has been checked; safe to use in a path. */
export type ContentDigest = `${Algorithm}:${string}`

/** The digest's two halves. */
export interface DigestParts {
  readonly algorithm: Algorithm
  readonly hex: string
}

/** True if `text` is a digest of an algorithm that the registry knows. */
export function isContentDigest(text: unknown): text is ContentDigest {
  const [, algorithm, hex] = (typeof text === 'string' && /^(sha256|sha512):([0-9a-f]+)$/.exec(text)) || []
  return algorithm !== undefined && hex?.length === lengths[algorithm as Algorithm]
}

/** Checks `text` as a digest. Throws DIGEST_INVALID. */
export function parseContentDigest(text: string): ContentDigest {
  if (isContentDigest(text)) return text
  throw new RegistryError('DIGEST_INVALID', 'the digest is not one of sha256 or sha512', { detail: { digest: text } })
}

/** The algorithm and the hex digits of a digest. */
export function partsOf(digest: ContentDigest): DigestParts {
  const [algorithm, hex = ''] = digest.split(':')
  return { algorithm: algorithm as Algorithm, hex }
}

/** The digest of `bytes` by `algorithm`. */
export function contentDigestOf(bytes: Uint8Array, algorithm: Algorithm): ContentDigest {
  return finished(createHash(algorithm).update(bytes), algorithm)
}

/** The digest of what has been fed to `hash`, which is a hash of `algorithm`; it can be fed further. */
export function finished(hash: Hash, algorithm: Algorithm): ContentDigest {
  return `${algorithm}:${hash.copy().digest('hex')}`
}
