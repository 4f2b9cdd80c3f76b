// Programs that keep credentials, docker-credential-<name> (docker-credential-helpers): asked by a word and standard input.

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { system } from '../../lib/errors.ts'

export interface HelperLogin {
  readonly ServerURL: string
  /** `<token>` if the secret is an identity token. */
  readonly Username: string
  readonly Secret: string
}

/** What a helper says if it has nothing for a server. */
const nothing = 'credentials not found in native keychain'

export class CredentialHelper {
  readonly #name: string
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor(name: string, env: Readonly<Record<string, string | undefined>>) {
    this.#name = name
    this.#env = env
  }

  /** The credentials for a server; undefined if it has none. */
  async get(server: string): Promise<HelperLogin | undefined> {
    const { code, said } = await this.#ask('get', server)
    if (code !== 0 && said === nothing) return undefined
    if (code !== 0) throw this.#failed('getting', said)
    const value = this.#read(said)
    return { ServerURL: value.ServerURL || server, Username: value.Username ?? '', Secret: value.Secret ?? '' }
  }

  // What it said may be a secret.
  #read(said: string): Partial<HelperLogin> {
    try {
      return JSON.parse(said) as Partial<HelperLogin>
    } catch {
      throw system(`docker-credential-${this.#name} answered no valid JSON`)
    }
  }

  async store(login: HelperLogin): Promise<void> {
    const { code, said } = await this.#ask('store', JSON.stringify(login))
    if (code !== 0) throw this.#failed('storing', said)
  }

  async erase(server: string): Promise<void> {
    const { code, said } = await this.#ask('erase', server)
    if (code !== 0) throw this.#failed('erasing', said)
  }

  #failed(doing: string, said: string): Error {
    return system(`error ${doing} credentials - err: exit status 1, out: \`${said}\``)
  }

  async #ask(word: string, input: string): Promise<{ code: number; said: string }> {
    const program = `docker-credential-${this.#name}`
    const child = spawn(program, [word], { stdio: ['pipe', 'pipe', 'inherit'], env: this.#env })
    const ended = new Promise<number>((resolve, reject) => {
      child.once('error', cause => reject(system(`cannot run ${program}: ${cause.message}`, { cause })))
      child.once('close', code => resolve(code ?? 1))
    })
    // One that ends before it has read its input says by its code what is wrong.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const [code, said] = await Promise.all([ended, text(child.stdout)])
    return { code, said: said.trim() }
  }
}
