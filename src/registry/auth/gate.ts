// Who asks, and may they: every request passes here before anything is looked up. The same answer is given for what is not
// there and for what one may not see.

import type { IncomingHttpHeaders } from 'node:http'
import { RegistryError } from '../errors.ts'
import { Failures } from './failures.ts'
import type { Action, Principal, Rights } from './rights.ts'
import { type Claims, type Scope, type Tokens, accessLife, actionsOf, parseScopes } from './tokens.ts'
import type { Users } from './users.ts'

export interface GateParts {
  readonly users: Users
  readonly rights: Rights
  readonly tokens: Tokens
  readonly service: string
  /** Where clients reach the registry, such as https://example.org; undefined for what they say themselves. */
  readonly url: string | undefined
}

/** One who asks, for one request. */
export interface Caller {
  readonly user: Principal
  /** What a token was given for; undefined for who came with name and password, or with nothing. */
  readonly access: readonly Scope[] | undefined
}

/** What is wanted. */
export interface Wanted {
  readonly repository?: string
  readonly action?: Action
}

/** The answer to a request for a token. */
export interface TokenAnswer {
  readonly token: string
  readonly access_token: string
  readonly expires_in: number
  readonly issued_at: string
  readonly refresh_token?: string
}

/** Who pushes reads, too. */
const scopeOf: Readonly<Record<Action, string>> = { pull: 'pull', push: 'pull,push', delete: 'delete' }

export class Gate {
  #parts: GateParts
  readonly #failures = new Failures()

  constructor(parts: GateParts) {
    this.#parts = parts
  }

  /** Other rights from now on; users are replaced where they are. */
  replaceRights(rights: Rights): void {
    this.#parts = { ...this.#parts, rights }
  }

  /**
   * Who sends these headers from the IP address `address`. Throws UNAUTHORIZED if what they send is wrong, TOOMANYREQUESTS after
   * many wrong passwords from there.
   */
  async caller(headers: IncomingHttpHeaders, address: string): Promise<Caller> {
    const { authorization } = headers
    if (authorization === undefined) return { user: undefined, access: undefined }
    const [, scheme = '', rest = ''] = /^(\S+)\s+(\S+)$/.exec(authorization) ?? []
    if (scheme.toLowerCase() === 'basic') return { user: await this.#userOf(rest, address), access: undefined }
    if (scheme.toLowerCase() === 'bearer') {
      const claims = await this.#parts.tokens.read(rest)
      if (claims && (claims.user === undefined || this.#parts.users.has(claims.user))) return claims
    }
    throw new RegistryError('UNAUTHORIZED', 'authentication required')
  }

  async #userOf(basic: string, address: string): Promise<string> {
    const text = Buffer.from(basic, 'base64').toString()
    const colon = text.indexOf(':')
    return await this.#verified(text.slice(0, Math.max(0, colon)), text.slice(colon + 1), address)
  }

  async #verified(name: string, password: string, address: string): Promise<string> {
    const { users } = this.#parts
    // Whoever tries passwords for a name does not keep its user out, and who sends the same one many times at once tries one.
    if (users.remembers(name, password)) return name
    const checked = users.checked(name, password)
    const right = checked ? await checked : await this.#failures.try(name, address, () => users.verify(name, password))
    if (right === true) return name
    if (right === undefined)
      throw new RegistryError('TOOMANYREQUESTS', 'too many wrong passwords: try again in a minute')
    throw new RegistryError('UNAUTHORIZED', 'authentication required')
  }

  /** True if the caller may do this. */
  allows({ user, access }: Caller, repository: string, action: Action): boolean {
    if (!this.#parts.rights.allows(user, repository, action)) return false
    return access === undefined || access.some(scope => scope.name === repository && actionsOf(scope).includes(action))
  }

  /**
   * Throws unless the caller may do what is wanted: UNAUTHORIZED if they should say who they are, or get a token for this;
   * DENIED if that would not help.
   */
  check(caller: Caller, { repository, action }: Wanted): void {
    if (repository === undefined || action === undefined) {
      // Who has nothing to show is asked for it even if there is something for all: by that clients check passwords.
      if (caller.user !== undefined || caller.access) return
    } else if (this.allows(caller, repository, action)) return
    if (caller.user === undefined) throw new RegistryError('UNAUTHORIZED', 'authentication required')
    const message = 'requested access to the resource is denied'
    throw new RegistryError('DENIED', message, caller.access === undefined ? {} : { status: 401 })
  }

  /** True if the caller may know of a repository, whatever their token was given for. */
  sees({ user }: Caller, repository: string): boolean {
    return this.#parts.rights.allows(user, repository, 'pull')
  }

  /** True if the caller may see the names of all repositories that they may read. */
  mayList({ user, access }: Caller): boolean {
    if (access && !access.some(({ type, name }) => type === 'registry' && name === 'catalog')) return false
    return user !== undefined || this.#parts.rights.anonymousReads
  }

  /** The WWW-Authenticate header for a request that was refused (distribution's token specification). */
  challenge(headers: IncomingHttpHeaders, secure: boolean, { repository, action }: Wanted, catalog: boolean): string {
    const { url, service } = this.#parts
    const host = /^[\w.:[\]-]+$/.test(headers.host ?? '') ? headers.host : 'localhost'
    const realm = `${url ?? `${secure ? 'https' : 'http'}://${host}`}/token`
    const isName = repository !== undefined && /^[a-z0-9._/-]{1,255}$/.test(repository)
    const scope = catalog ? 'registry:catalog:*' : isName && action ? `repository:${repository}:${scopeOf[action]}` : ''
    return `Bearer realm="${realm}",service="${service}"${scope === '' ? '' : `,scope="${scope}"`}`
  }

  /** A token for what of `scopes` somebody may do; with a refresh token if they ask for one and have said who they are. */
  async grant(user: Principal, scopes: readonly string[], offline: boolean): Promise<TokenAnswer> {
    const { rights, tokens, users } = this.#parts
    const access = parseScopes(scopes).flatMap((scope): Scope[] => {
      if (scope.type === 'registry') return [scope]
      const granted = actionsOf(scope).filter(action => rights.allows(user, scope.name, action))
      return granted.length > 0 ? [{ ...scope, actions: granted }] : []
    })
    const token = await tokens.access({ user, access } satisfies Claims)
    const refresh = offline && user !== undefined ? await tokens.refresh(user, users.fingerprint(user)) : undefined
    return {
      token,
      access_token: token,
      expires_in: accessLife,
      issued_at: new Date().toISOString(),
      ...(refresh !== undefined && { refresh_token: refresh }),
    }
  }

  /** The user of a refresh token. Throws UNAUTHORIZED if it is none, or the password has changed since. */
  async refreshed(token: string): Promise<string> {
    const { tokens, users } = this.#parts
    const found = await tokens.readRefresh(token)
    if (found && users.has(found.user) && users.fingerprint(found.user) === found.fingerprint) return found.user
    throw new RegistryError('UNAUTHORIZED', 'the refresh token is not valid: log in again')
  }

  /** The user with this password. Throws as `caller` does. */
  async password(name: string, password: string, address: string): Promise<string> {
    return await this.#verified(name, password, address)
  }
}
