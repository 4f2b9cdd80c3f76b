// Who may use the registry: users with bcrypt hashes, as htpasswd files have them (htpasswd -B).

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { compare } from 'bcryptjs'
import { Turns } from '../../lib/turns.ts'

/** Name and password hash of each user. */
export type UserHashes = ReadonlyMap<string, string>

/** Checks of hashes at once: each takes a good part of a second of a processor. */
const concurrent = 2
/** Milliseconds for which a password that was right is not checked anew, and how many of these are remembered. */
const remembered = 300_000
const mostRemembered = 1000
/** For names that nobody has: it takes as long to be told so as that a password is wrong. No password gives it. */
const nobody = '$2b$10$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu'

/** Reads `name:hash` lines. Throws a sentence with the line's number for what is no name or no bcrypt hash. */
export function parseHtpasswd(text: string): Map<string, string> {
  const users = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const colon = trimmed.indexOf(':')
    const [name, hash] = [trimmed.slice(0, Math.max(0, colon)), trimmed.slice(colon + 1)]
    if (name === '') throw new Error(`line ${index + 1}: expected NAME:HASH`)
    users.set(name, checkHash(hash, `line ${index + 1}`))
  }
  return users
}

/** Throws a sentence that begins with `where` unless `hash` is one of bcrypt. */
export function checkHash(hash: string, where: string): string {
  if (/^\$2[aby]\$(?:0[4-9]|1[0-7])\$[./A-Za-z0-9]{53}$/.test(hash)) return hash
  throw new Error(`${where}: not a bcrypt hash with a cost of 4 to 17; make one by htpasswd -nbB NAME PASSWORD`)
}

export class Users {
  #hashes: UserHashes
  readonly #turns = new Turns(() => concurrent)
  readonly #known = new Map<string, { readonly proof: Buffer; readonly hash: string; readonly until: number }>()
  /** Checks that go on, by name and password. */
  readonly #checking = new Map<string, Promise<boolean>>()
  /** What is remembered of passwords is of no use without it. */
  readonly #secret = randomBytes(32)

  constructor(hashes: UserHashes) {
    this.#hashes = hashes
  }

  /** Other users from now on. */
  replace(hashes: UserHashes): void {
    this.#hashes = hashes
    this.#known.clear()
    this.#checking.clear()
  }

  has(name: string): boolean {
    return this.#hashes.has(name)
  }

  /** Changes when the user's password does. */
  fingerprint(name: string): string {
    return createHmac('sha256', 'gantry registry user')
      .update(this.#hashes.get(name) ?? '')
      .digest('base64url')
      .slice(0, 16)
  }

  #proof(name: string, password: string): Buffer {
    return createHmac('sha256', this.#secret).update(`${name}\0${password}`).digest()
  }

  /** True if `password` was found to be that of the user `name` a short time ago. */
  remembers(name: string, password: string): boolean {
    const known = this.#known.get(name)
    if (!known || known.hash !== this.#hashes.get(name) || known.until <= Date.now()) return false
    return timingSafeEqual(known.proof, this.#proof(name, password))
  }

  /** What comes of it if this very password is being checked for the user `name` now; undefined if it is not. */
  checked(name: string, password: string): Promise<boolean> | undefined {
    return this.#checking.get(this.#proof(name, password).toString('base64'))
  }

  /** True if `password` is that of the user `name`. */
  async verify(name: string, password: string): Promise<boolean> {
    if (this.remembers(name, password)) return true
    const proof = this.#proof(name, password)
    const key = proof.toString('base64')
    const checking = this.#checking.get(key) ?? this.#check(name, password, proof)
    this.#checking.set(key, checking)
    try {
      return await checking
    } finally {
      this.#checking.delete(key)
    }
  }

  async #check(name: string, password: string, proof: Buffer): Promise<boolean> {
    const hash = this.#hashes.get(name)
    const right = await this.#turns.run(() => compare(password, hash ?? nobody))
    if (!right || hash === undefined) return false
    this.#known.delete(name)
    this.#known.set(name, { proof, hash, until: Date.now() + remembered })
    const [oldest] = this.#known.keys()
    if (this.#known.size > mostRemembered && oldest !== undefined) this.#known.delete(oldest)
    return true
  }
}
