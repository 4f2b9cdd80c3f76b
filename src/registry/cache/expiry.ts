// How long caches keep what nobody asks for.

import type { RetentionRule } from '../retention.ts'
import type { CacheRule } from './remotes.ts'

/** The rules of retention that end what a cache has and nobody used for its time: uses make tags and manifests new. */
export const expiryOf = (rules: readonly CacheRule[]): RetentionRule[] =>
  rules.flatMap(({ prefix, keep }) => {
    if (keep === undefined) return []
    const repository = prefix === '' ? '**' : `${prefix}/**`
    return [{ repository, tags: ['**'], keep: undefined, olderThan: keep, untagged: keep }]
  })
