// What the client shows and what it believes over TLS, by docker's flags and variables.

import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { invalid, messageOf } from '../lib/errors.ts'

/** As docker's flags `--tls`, `--tlsverify`, `--tlscacert`, `--tlscert` and `--tlskey` have it; undefined if not given. */
export interface TlsWishes {
  readonly use: boolean
  readonly verify: boolean
  readonly authority: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
}

/** PEM, as node:tls takes it. */
export interface TlsCredentials {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
  /** False: any engine is believed to be the right one. */
  readonly rejectUnauthorized: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the files, which are in DOCKER_CERT_PATH or docker's own folder unless named; undefined if TLS isn't wanted.
 * A certificate that wasn't named need not be there. Throws invalid for a file that can't be read.
 */
export function readCredentials(wishes: TlsWishes, env: Environment): TlsCredentials | undefined {
  const verify = wishes.verify || Boolean(env.DOCKER_TLS_VERIFY)
  if (!verify && !wishes.use && !env.DOCKER_TLS) return undefined
  const folder = env.DOCKER_CERT_PATH || env.DOCKER_CONFIG || join(homedir(), '.docker')
  const own = (named: string | undefined, name: string) =>
    named === undefined ? readIfThere(join(folder, name)) : read(named)
  const [cert, key] = [own(wishes.certificate, 'cert.pem'), own(wishes.key, 'key.pem')]
  return {
    ...(verify && { ca: read(wishes.authority ?? join(folder, 'ca.pem')) }),
    ...(cert && key && { cert, key }),
    rejectUnauthorized: verify,
  }
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw invalid(`unable to resolve docker endpoint: ${messageOf(cause)}`, { cause })
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
