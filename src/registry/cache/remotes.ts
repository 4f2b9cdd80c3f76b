// Which repositories are caches of another registry's, and how that is reached.

import { Registries } from '../../distribution/registries.ts'
import type { Credentials, Repository as Remote } from '../../distribution/remote.ts'
import { gantryVersion } from '../../lib/version.ts'

/** Repositories whose names begin with a prefix are those of another registry. */
export interface CacheRule {
  /** Without a slash at its end; '' for all repositories. */
  readonly prefix: string
  /** A registry's host, with a port or without; `docker.io`. */
  readonly remote: string
  readonly username: string | undefined
  readonly password: string | undefined
  /** No certificate is asked of it, and HTTP will do. */
  readonly insecure: boolean
  /** Milliseconds for which a tag is taken to be where it was. */
  readonly fresh: number
  /** Milliseconds that a client waits for news of a tag that is here already. */
  readonly wait: number
  /** Milliseconds after its last use for which an image is kept; undefined: for ever. */
  readonly keep: number | undefined
}

/** A repository of another registry, under its name here. */
export interface Origin {
  readonly rule: CacheRule
  readonly remote: Remote
}

const certificates = ['/etc/gantry/certs.d', '/etc/docker/certs.d']
/** Repositories whose connections and tokens are kept. */
const mostOrigins = 1000
/** Milliseconds for which a registry may be silent. */
const patience = 60_000

export class Remotes implements AsyncDisposable {
  readonly #rules: readonly CacheRule[]
  readonly #registries: Registries
  readonly #origins = new Map<string, Origin>()

  constructor(rules: readonly CacheRule[], environment: NodeJS.ProcessEnv) {
    // The longest prefix that fits counts.
    this.#rules = rules.toSorted((a, b) => b.prefix.length - a.prefix.length)
    const proxy = (name: string) => environment[name.toUpperCase()] ?? environment[name] ?? ''
    this.#registries = new Registries({
      insecure: rules.filter(({ insecure }) => insecure).map(({ remote }) => remote),
      mirrors: [],
      certificates,
      userAgent: `gantry-registry/${gantryVersion()}`,
      patience,
      httpProxy: proxy('http_proxy'),
      httpsProxy: proxy('https_proxy'),
      noProxy: proxy('no_proxy'),
    })
  }

  /** Where a repository of this registry comes from; undefined if it is one of its own. */
  of(name: string): Origin | undefined {
    const rule = this.#rules.find(({ prefix }) => prefix === '' || name.startsWith(`${prefix}/`))
    if (!rule) return undefined
    const origin = this.#origins.get(name) ?? this.#open(rule, name)
    this.#origins.delete(name)
    this.#origins.set(name, origin)
    const [oldest] = this.#origins.keys()
    if (this.#origins.size > mostOrigins && oldest !== undefined) this.#origins.delete(oldest)
    return origin
  }

  /** Finds the registry anew the next time: it may have come to another address, or ask for something else. */
  forget({ remote }: Origin): void {
    for (const [name, origin] of this.#origins) if (origin.remote === remote) this.#origins.delete(name)
  }

  #open(rule: CacheRule, name: string): Origin {
    const rest = rule.prefix === '' ? name : name.slice(rule.prefix.length + 1)
    // As the client of docker.io has it.
    const path = rule.remote === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest
    return { rule, remote: this.#registries.open({ domain: rule.remote, path }, credentialsOf(rule), 'pull') }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registries[Symbol.asyncDispose]()
  }
}

function credentialsOf({ username, password }: CacheRule): Credentials | undefined {
  return username === undefined ? undefined : { username, password: password ?? '' }
}
