// How long caches keep what nobody asks for.

import type { RetentionRule } from '../retention.ts'
import type { CacheRule } from './remotes.ts'

/**
 * The rules of retention that end what a cache has and nobody used for its time: uses make tags and manifests new. As
 * everywhere, the longest prefix counts. One that keeps all has a rule only where another's would end it.
 */
export function expiryOf(rules: readonly CacheRule[]): RetentionRule[] {
  const longestFirst = rules.toSorted((a, b) => b.prefix.length - a.prefix.length)
  return longestFirst.flatMap(({ prefix, keep }, index) => {
    const wouldEnd = (outer: CacheRule) => outer.keep !== undefined && isWithin(prefix, outer.prefix)
    if (keep === undefined && !longestFirst.slice(index + 1).some(wouldEnd)) return []
    const repository = prefix === '' ? '**' : `${prefix}/**`
    return [{ repository, tags: ['**'], keep: undefined, olderThan: keep, untagged: keep }]
  })
}

const isWithin = (prefix: string, outer: string): boolean => outer === '' || `${prefix}/`.startsWith(`${outer}/`)
