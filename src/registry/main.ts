// The program behind `gantry registry serve`: an OCI registry in a directory, until a signal ends it.

import { once } from 'node:events'
import type { Server } from 'node:http'
import { readFileSync } from 'node:fs'
import { Server as SecureServer } from 'node:https'
import type { TlsOptions } from 'node:tls'
import { parseArgs } from 'node:util'
import { messageOf } from '../lib/errors.ts'
import { type Log, createLog } from '../lib/log.ts'
import { Gate } from './auth/gate.ts'
import { Rights } from './auth/rights.ts'
import { Tokens } from './auth/tokens.ts'
import { Users } from './auth/users.ts'
import { type AccessConfig, type RegistryConfig, type RegistryFlags, type TlsConfig, readConfig } from './config.ts'
import { collectGarbage } from './collector.ts'
import { DiskStorage } from './disk-storage.ts'
import { createRegistryServer } from './http/server.ts'
import { Repositories } from './repository.ts'
import type { Storage } from './storage.ts'
import { Uploads } from './uploads.ts'

async function main(argv: string[]): Promise<void> {
  const { values: flags } = parseArgs({ args: argv, options: flagTypes })
  const config = readConfig(flags)
  const address = parseAddress(config.listen)
  const log = createLog('info')
  await using storage = await openStorage(config)
  const repositories = new Repositories(storage)
  const uploads = new Uploads(storage)
  const access = config.access && (await openAccess(storage, config, config.access))
  const parts = { storage, repositories, uploads, gate: access?.gate }
  const server = createRegistryServer(parts, log, { tls: config.tls && readTls(config.tls) })
  server.listen(address)
  await once(server, 'listening')
  const place = config.s3 ? { s3: config.s3.endpoint, bucket: config.s3.bucket } : { root: config.root }
  log.info({ ...place, address: server.address(), users: config.access?.users.size }, 'The registry is ready')
  process.on('SIGHUP', () => reload(flags, access, server, log))
  const collect = async () => {
    const expired = await uploads.expire(await repositories.receiving())
    log.info({ ...(await collectGarbage(parts, config.collection.grace)), expired }, 'Collected garbage')
  }
  using _collection = repeated(collect, config.collection.every, log)
  await stopSignal()
  await close(server)
}

// A registry on a disk does not load what speaks to object stores.
async function openStorage({ root, s3 }: RegistryConfig): Promise<Storage> {
  if (!s3) {
    const storage = new DiskStorage(root)
    await storage.prepare()
    return storage
  }
  const [{ S3Client }, { S3Storage }] = await Promise.all([import('./s3/client.ts'), import('./s3/storage.ts')])
  const storage = new S3Storage(new S3Client(s3))
  await storage.prepare()
  return storage
}

const aText = { type: 'string' } as const
const flagTypes = {
  config: aText,
  root: aText,
  listen: aText,
  htpasswd: aText,
  'tls-cert': aText,
  'tls-key': aText,
  'tls-client-ca': aText,
}

async function openAccess(storage: Storage, { service, url }: RegistryConfig, config: AccessConfig) {
  const users = new Users(config.users)
  const tokens = await Tokens.open(storage, service)
  return { users, gate: new Gate({ users, rights: rightsOf(config), tokens, service, url }) }
}

const rightsOf = ({ rules, groups }: AccessConfig) => new Rights(rules, groups)

const readTls = ({ certificate, key, clientCa }: TlsConfig): TlsOptions => ({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ...(clientCa !== undefined && { ca: readFileSync(clientCa), requestCert: true, rejectUnauthorized: true }),
})

// Users, groups, rules and certificates can change; what is wrong with the file leaves all as it was.
function reload(
  flags: RegistryFlags,
  access: Awaited<ReturnType<typeof openAccess>> | undefined,
  server: Server,
  log: Log,
): void {
  try {
    const config = readConfig(flags)
    if ((config.access === undefined) !== (access === undefined)) {
      throw new Error('whether there are users counts from the next start on')
    }
    const tls = config.tls && readTls(config.tls)
    if (config.access) {
      access?.users.replace(config.access.users)
      access?.gate.replaceRights(rightsOf(config.access))
    }
    if (tls && server instanceof SecureServer) server.setSecureContext(tls)
    log.info({}, 'Reloaded the configuration')
  } catch (error) {
    log.error({ error: messageOf(error) }, 'The configuration was not reloaded: everything stays as it was')
  }
}

/** `HOST:PORT`, `[HOST]:PORT` or `:PORT` for every address of the host. */
function parseAddress(text: string): { host?: string; port: number } {
  const [, host = '', port = ''] = /^(?:\[([^\]]+)\]|[^:]*):(\d{1,5})$/.exec(text) ?? []
  if (port === '' || Number(port) > 65_535)
    throw new Error(`--listen ${text}: expected HOST:PORT, such as 127.0.0.1:5000`)
  const name = host || text.slice(0, text.lastIndexOf(':'))
  return name === '' ? { port: Number(port) } : { host: name, port: Number(port) }
}

/** Does `work` every so many milliseconds, never twice at once; what fails is told, and tried again. 0: never. */
function repeated(work: () => Promise<void>, every: number, log: Log): Disposable {
  let timer: NodeJS.Timeout | undefined
  let ended = false
  const next = () => {
    if (!ended) timer = setTimeout(run, Math.min(every, longestDelay))
  }
  const run = () =>
    void work()
      .catch((error: unknown) => log.warn({ err: error }, 'Collecting garbage failed'))
      .finally(next)
  if (every > 0) next()
  const end = () => {
    ended = true
    clearTimeout(timer)
  }
  return { [Symbol.dispose]: end }
}

// Timers take at most 2^31 milliseconds.
const longestDelay = 2 ** 31 - 1

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve())
  return promise
}

// Uploads that are cut off go on where they were.
async function close(server: Server): Promise<void> {
  const closed = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await closed
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`gantry registry serve: ${messageOf(error)}\n`)
  process.exitCode = 1
}
