// The client's configuration file, config.json: docker's own, so that who logged in by one is logged in for the other.

import { readFileSync, realpathSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { invalid, messageOf } from '../../lib/errors.ts'

/** What is kept of who one is at a registry. */
export interface StoredLogin {
  /** `name:password` in Base64. */
  readonly auth?: string
  readonly username?: string
  readonly password?: string
  readonly identitytoken?: string
  readonly registrytoken?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** What of the file concerns registries; the rest of it stays as it is. */
export class ConfigFile {
  readonly path: string
  readonly #content: Readonly<Record<string, unknown>>

  private constructor(path: string, content: Readonly<Record<string, unknown>>) {
    this.path = path
    this.#content = content
  }

  /** The file in DOCKER_CONFIG, or in `.docker` of the user's home; empty if it is missing. Throws `invalid` if it can't be read. */
  static read(env: Environment): ConfigFile {
    const path = join(env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker'), 'config.json')
    try {
      return new ConfigFile(path, objectIn(readFileSync(path, 'utf8')))
    } catch (error) {
      if (isMissing(error)) return new ConfigFile(path, {})
      throw invalid(`cannot read the configuration file ${path}: ${messageOf(error)}`, { cause: error })
    }
  }

  /** By the names of their registries. */
  get logins(): Readonly<Record<string, StoredLogin>> {
    return record(this.#content['auths']) as Readonly<Record<string, StoredLogin>>
  }

  /** The program that keeps the credentials for `server`, without what all such begin with; undefined if the file does. */
  helperFor(server: string): string | undefined {
    const own = record(this.#content['credHelpers'])[server]
    const helper = typeof own === 'string' ? own : this.#content['credsStore']
    return typeof helper === 'string' && helper !== '' ? helper : undefined
  }

  /** Keeps `login` for `server`, or nothing. */
  async keep(server: string, login: StoredLogin | undefined): Promise<void> {
    const { [server]: before, ...others } = this.logins
    if (login === undefined && before === undefined) return
    await this.#write({ ...this.#content, auths: login ? { ...others, [server]: login } : others })
  }

  // At once or not at all, and for the user alone: there may be passwords in it.
  async #write(content: object): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 })
    const target = followed(this.path)
    const temporary = `${target}${process.pid}`
    await writeFile(temporary, `${JSON.stringify(content, undefined, '\t')}`, { mode: 0o600 })
    await rename(temporary, target)
  }
}

function followed(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'

function objectIn(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('it is no JSON object')
  return value as Record<string, unknown>
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
