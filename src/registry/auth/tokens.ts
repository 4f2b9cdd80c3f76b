// Tokens that say who somebody is and what they asked for (distribution's token specification, "JWT"), signed by a key of the
// registry's own, which all processes that share a storage have.

import { randomUUID } from 'node:crypto'
import { type CryptoKey, type JWTPayload, SignJWT, exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose'
import type { Storage } from '../storage.ts'
import { type Action, actions } from './rights.ts'

/** What may be done in a repository, or that the catalog may be read. */
export interface Scope {
  readonly type: 'repository' | 'registry'
  readonly name: string
  readonly actions: readonly string[]
}

/** What a token says. */
export interface Claims {
  /** Undefined for who doesn't say who they are. */
  readonly user: string | undefined
  readonly access: readonly Scope[]
}

/** Seconds. */
export const accessLife = 300
const refreshLife = 90 * 24 * 3600
const algorithm = 'ES256'
const keyFolder = '_keys'
/** Keys are looked for so often at most in so many milliseconds: anybody can name one that there is not. */
const mostLooks = 5
const looksIn = 10_000

/** The most scopes that a request may name. */
const mostScopes = 32

/** Reads `repository:NAME:ACTION,…` and `registry:catalog:*`; what is none is left out. A name may have a colon, as a host has. */
export function parseScopes(texts: readonly string[]): Scope[] {
  const each = texts.flatMap(text => text.split(' ')).filter(text => text !== '')
  return each.slice(0, mostScopes).flatMap((text): Scope[] => {
    const [, type, name = '', wanted = ''] =
      /^(repository|registry)(?:\([a-z0-9]+\))?:(.+):([a-z,*]*)$/.exec(text) ?? []
    if (type === 'repository') return [{ type, name, actions: wanted.split(',') }]
    return type === 'registry' ? [{ type, name, actions: ['*'] }] : []
  })
}

/** The actions of a scope that the registry knows. */
export const actionsOf = ({ actions: wanted }: Scope): Action[] =>
  wanted.includes('*') ? [...actions] : actions.filter(action => wanted.includes(action))

/** A pair of keys: one signs, the other verifies. Its id is its object's name. */
interface KeyPair {
  readonly id: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
}

export class Tokens {
  readonly #storage: Storage
  readonly #service: string
  readonly #keys = new Map<string, KeyPair>()
  #looks: number[] = []

  private constructor(storage: Storage, service: string) {
    this.#storage = storage
    this.#service = service
  }

  /**
   * The tokens of the service with this name, by the key in `storage`, which is made if there is none. Processes that share a
   * storage and begin at once may make several: each knows those of the others.
   */
  static async open(storage: Storage, service: string): Promise<Tokens> {
    const tokens = new Tokens(storage, service)
    await tokens.#look()
    if (tokens.#keys.size > 0) return tokens
    await makeKey(storage)
    await tokens.#look()
    return tokens
  }

  async #look(): Promise<void> {
    this.#looks = [...this.#looks.slice(1 - mostLooks), Date.now()]
    for (const id of (await this.#storage.list(keyFolder)).toSorted()) {
      const stored = this.#keys.has(id) ? undefined : await this.#storage.read(`${keyFolder}/${id}`)
      if (!stored) continue
      const key = JSON.parse(stored.toString()) as { d?: string }
      const { d: _private, ...open } = key
      this.#keys.set(id, { id, privateKey: await readKey(key), publicKey: await readKey(open) })
    }
  }

  // The first by name of those that were there at the start.
  get #own(): KeyPair {
    const [own] = this.#keys.values()
    if (!own) throw new Error(`the registry's storage has no key below ${keyFolder}`)
    return own
  }

  get #mayLook(): boolean {
    const [oldest = 0] = this.#looks
    return this.#looks.length < mostLooks || Date.now() - oldest > looksIn
  }

  async #publicKey(id: string | undefined): Promise<CryptoKey> {
    if (id === undefined) return this.#own.publicKey
    if (!this.#keys.has(id) && this.#mayLook) await this.#look()
    const pair = this.#keys.get(id)
    if (!pair) throw new Error('there is no such key')
    return pair.publicKey
  }

  /** A token for `claims` that lasts as long as accessLife says. */
  async access({ user, access }: Claims): Promise<string> {
    return await this.#sign('access', user ?? '', { access }, accessLife)
  }

  /** A token that stands for the user's password until that changes: `fingerprint` tells passwords apart. */
  async refresh(user: string, fingerprint: string): Promise<string> {
    return await this.#sign('refresh', user, { fingerprint }, refreshLife)
  }

  async #sign(audience: string, subject: string, payload: JWTPayload, seconds: number): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const own = this.#own
    return await new SignJWT(payload)
      .setProtectedHeader({ alg: algorithm, typ: 'JWT', kid: own.id })
      .setIssuer(this.#service)
      .setAudience(`${this.#service} ${audience}`)
      .setSubject(subject)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(own.privateKey)
  }

  /** What an access token says; undefined if it is not one of ours that is still good. */
  async read(token: string): Promise<Claims | undefined> {
    const payload = await this.#verify('access', token)
    if (!payload) return undefined
    return { user: payload.sub || undefined, access: (payload['access'] ?? []) as readonly Scope[] }
  }

  /** The user and the fingerprint of a refresh token; undefined if it is none of ours. */
  async readRefresh(token: string): Promise<{ user: string; fingerprint: string } | undefined> {
    const payload = await this.#verify('refresh', token)
    return payload && { user: payload.sub ?? '', fingerprint: String(payload['fingerprint']) }
  }

  async #verify(audience: string, token: string): Promise<JWTPayload | undefined> {
    try {
      const expected = { issuer: this.#service, audience: `${this.#service} ${audience}`, algorithms: [algorithm] }
      return (await jwtVerify(token, (header: { kid?: string }) => this.#publicKey(header.kid), expected)).payload
    } catch {
      return undefined
    }
  }
}

const readKey = async (jwk: object) => (await importJWK(jwk, algorithm)) as CryptoKey

async function makeKey(storage: Storage): Promise<void> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const made = Buffer.from(JSON.stringify(await exportJWK(privateKey)))
  await storage.write(`${keyFolder}/${randomUUID()}.json`, made)
}
