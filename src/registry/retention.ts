// Which tags and manifests go by themselves: too many, or too old.

import { matcher } from './patterns.ts'
import type { Repositories } from './repositories.ts'
import type { Repository } from './repository.ts'

/** What is kept of the repositories whose names match; the first rule that does counts. Times are milliseconds. */
export interface RetentionRule {
  /** A pattern of repositories' names. */
  readonly repository: string
  /** Patterns of tags that may go; others stay. */
  readonly tags: readonly string[]
  /** How many of these stay in any case, the newest first; undefined: 0. */
  readonly keep: number | undefined
  /** How old a tag must be to go; undefined: any age. */
  readonly olderThan: number | undefined
  /** How old a manifest must be to go that no tag leads to; undefined: they stay. */
  readonly untagged: number | undefined
}

/** What went, or would go: `repository:tag` and `repository@digest`. */
export type Expired = readonly string[]

/** Applies the rules; with `dryRun` it only tells. `now` is the time, in milliseconds since the epoch. */
export async function applyRetention(
  repositories: Repositories,
  rules: readonly RetentionRule[],
  { now = Date.now(), dryRun = false } = {},
): Promise<Expired> {
  const compiled = rules.map(rule => ({ ...rule, matches: matcher(rule.repository), isTag: rule.tags.map(matcher) }))
  const expired: string[] = []
  for (const name of compiled.length === 0 ? [] : await repositories.names()) {
    const rule = compiled.find(({ matches }) => matches(name))
    if (!rule) continue
    const repository = repositories.open(name)
    const tags = await expiredTags(repository, rule, now)
    for (const { tag, modified } of tags)
      if (dryRun || (await repository.removeOldTag(tag, modified))) expired.push(`${name}:${tag}`)
    if (rule.untagged === undefined) continue
    // One that was given anew meanwhile has stayed.
    const without = new Set(dryRun ? tags.map(({ tag }) => tag) : [])
    const digests = await repository.removeUntagged(now - rule.untagged, { without, dryRun })
    expired.push(...digests.map(digest => `${name}@${digest}`))
  }
  return expired
}

async function expiredTags(
  repository: Repository,
  { keep, olderThan, isTag }: RetentionRule & { readonly isTag: readonly ((tag: string) => boolean)[] },
  now: number,
) {
  // A rule for manifests without tags only.
  if (keep === undefined && olderThan === undefined) return []
  const concerned = (await repository.tagTimes()).filter(({ tag }) => isTag.some(matches => matches(tag)))
  const newestFirst = concerned.toSorted((a, b) => b.modified - a.modified || (a.tag < b.tag ? 1 : -1))
  return newestFirst.slice(keep ?? 0).filter(({ modified }) => modified <= now - (olderThan ?? 0))
}
