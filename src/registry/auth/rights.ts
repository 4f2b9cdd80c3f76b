// What users may do: rules that name repositories, and who may read, write or delete there.

import { matcher } from '../patterns.ts'

/** `pull` reads, `push` writes, `delete` removes manifests, tags and blobs. */
export type Action = 'pull' | 'push' | 'delete'

export const actions: readonly Action[] = ['pull', 'push', 'delete']

/** Whoever asks: a user, or nobody in particular. */
export type Principal = string | undefined

export interface Rule {
  /** A pattern of names. */
  readonly repository: string
  readonly users: readonly string[]
  readonly groups: readonly string[]
  /** For all, whether they say who they are or not. */
  readonly anonymous: boolean
  readonly allow: readonly Action[]
}

export class Rights {
  readonly #rules: readonly {
    readonly rule: Rule
    readonly matches: (repository: string, user: Principal) => boolean
  }[]
  readonly #groups: ReadonlyMap<string, ReadonlySet<string>>

  /** Without any rule, users may do everything and others nothing. */
  constructor(rules: readonly Rule[], groups: ReadonlyMap<string, ReadonlySet<string>>) {
    const all: Rule = { repository: '**', users: ['*'], groups: [], anonymous: false, allow: actions }
    this.#rules = (rules.length > 0 ? rules : [all]).map(rule => ({ rule, matches: matcher(rule.repository) }))
    this.#groups = groups
  }

  allows(user: Principal, repository: string, action: Action): boolean {
    return this.#rules.some(
      ({ rule, matches }) => rule.allow.includes(action) && this.#concerns(rule, user) && matches(repository, user),
    )
  }

  /** True if somebody who doesn't say who they are may read anything at all. */
  get anonymousReads(): boolean {
    return this.#rules.some(({ rule }) => rule.anonymous && rule.allow.includes('pull'))
  }

  #concerns({ users, groups, anonymous }: Rule, user: Principal): boolean {
    if (anonymous) return true
    if (user === undefined) return false
    return users.includes('*') || users.includes(user) || groups.some(group => this.#groups.get(group)?.has(user))
  }
}
