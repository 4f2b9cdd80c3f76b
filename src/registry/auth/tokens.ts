// Tokens that say who somebody is and what they asked for (distribution's token specification, "JWT"), signed by a key of the
// registry's own, which all processes that share a storage have.

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
const keyName = '_keys/token.json'

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

export class Tokens {
  readonly #privateKey: CryptoKey
  readonly #publicKey: CryptoKey
  readonly #service: string

  private constructor(privateKey: CryptoKey, publicKey: CryptoKey, service: string) {
    this.#privateKey = privateKey
    this.#publicKey = publicKey
    this.#service = service
  }

  /** The tokens of the service with this name, by the key in `storage`, which is made if there is none. */
  static async open(storage: Storage, service: string): Promise<Tokens> {
    const stored = (await storage.read(keyName)) ?? (await makeKey(storage))
    const key = JSON.parse(stored.toString()) as { d?: string }
    const { d: _private, ...open } = key
    return new Tokens(await readKey(key), await readKey(open), service)
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
    return await new SignJWT(payload)
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setIssuer(this.#service)
      .setAudience(`${this.#service} ${audience}`)
      .setSubject(subject)
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(this.#privateKey)
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
      return (await jwtVerify(token, this.#publicKey, expected)).payload
    } catch {
      return undefined
    }
  }
}

const readKey = async (jwk: object) => (await importJWK(jwk, algorithm)) as CryptoKey

async function makeKey(storage: Storage): Promise<Buffer> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const made = Buffer.from(JSON.stringify(await exportJWK(privateKey)))
  await storage.write(keyName, made)
  return made
}
