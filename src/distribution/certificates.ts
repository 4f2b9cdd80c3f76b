// Certificates for single registries: `<directory>/<host>/*.crt` are authorities, `*.cert` with `*.key` a client's.

import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'
import { invalid } from '../lib/errors.ts'

export interface HostCertificates {
  /** PEM; the system's own count as well. Undefined: only these. */
  readonly authorities: readonly string[]
  readonly client: readonly { readonly certificate: string; readonly key: string }[]
}

/**
 * The certificates for `host` (with its port, as the directory is named) in the first of `directories` that has any. Throws
 * `invalid` for a client's certificate without its key, and the other way round.
 */
export async function certificatesFor(directories: readonly string[], host: string): Promise<HostCertificates> {
  for (const directory of directories) {
    const found = await readHost(join(directory, host))
    if (found) return found
  }
  return { authorities: [], client: [] }
}

async function readHost(directory: string): Promise<HostCertificates | undefined> {
  const names = await namesIn(directory)
  const ending = (suffix: string) =>
    names.filter(name => name.endsWith(suffix)).map(name => name.slice(0, -suffix.length))
  const read = (name: string) => readFile(join(directory, name), 'utf8')
  const authorities = ending('.crt')
  const certificates = ending('.cert')
  const keys = ending('.key')
  const lonely = certificates.find(name => !keys.includes(name))
  if (lonely !== undefined)
    throw invalid(`missing key ${lonely}.key for client certificate ${lonely}.cert in ${directory}`)
  const unused = keys.find(name => !certificates.includes(name))
  if (unused !== undefined)
    throw invalid(`missing client certificate ${unused}.cert for key ${unused}.key in ${directory}`)
  if (authorities.length + certificates.length === 0) return undefined
  return {
    authorities: await Promise.all(authorities.map(name => read(`${name}.crt`))),
    client: await Promise.all(
      certificates.map(async name => ({ certificate: await read(`${name}.cert`), key: await read(`${name}.key`) })),
    ),
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).toSorted()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
