// The registry as it runs: what the configuration names, put together, and what goes on besides requests.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { Server as SecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type TlsOptions, createSecureContext } from 'node:tls'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { Gate } from './auth/gate.ts'
import { Rights } from './auth/rights.ts'
import { Tokens } from './auth/tokens.ts'
import { Users } from './auth/users.ts'
import { expiryOf } from './cache/expiry.ts'
import type { PullThrough, PullThroughParts } from './cache/pull-through.ts'
import type { CacheRule } from './cache/remotes.ts'
import { type Collected, collectGarbage } from './collector.ts'
import type { AccessConfig, RegistryConfig, TlsConfig } from './config.ts'
import { createRegistryServer } from './http/server.ts'
import { openStorage } from './open-storage.ts'
import { AccessLog } from './observe/access-log.ts'
import type { RegistryMetrics } from './observe/metrics.ts'
import { Repositories } from './repositories.ts'
import { applyRetention } from './retention.ts'
import type { Storage } from './storage.ts'
import { Uploads } from './uploads.ts'

/** A registry that serves, until it is disposed of. */
export class RunningRegistry implements AsyncDisposable {
  readonly #parts: CollectedParts & { readonly gate: Gate | undefined }
  readonly #users: Users | undefined
  readonly #server: Server
  readonly #log: Log
  readonly #accessLog: AccessLog | undefined
  readonly #metrics: RegistryMetrics | undefined
  readonly #undo: AsyncDisposableStack
  #config: RegistryConfig
  #timer: NodeJS.Timeout | undefined
  #collecting: Promise<void> | undefined
  #ended = false

  private constructor(config: RegistryConfig, log: Log, parts: Opened) {
    this.#config = config
    this.#log = log
    this.#parts = parts
    this.#users = parts.users
    this.#server = parts.server
    this.#accessLog = parts.accessLog
    this.#metrics = parts.metrics
    this.#undo = parts.undo
  }

  /** Starts it; resolves once it listens. Throws a sentence that says what is wrong. */
  static async start(config: RegistryConfig, log: Log): Promise<RunningRegistry> {
    const registry = new RunningRegistry(config, log, await open(config, log))
    const place = config.s3 ? { s3: config.s3.endpoint, bucket: config.s3.bucket } : { root: config.root }
    const address = registry.#server.address() as AddressInfo
    log.info({ ...place, address, users: config.access?.users.size }, 'The registry is ready')
    registry.#collectLater()
    return registry
  }

  /**
   * Takes users, groups, rules, certificates, retention and the times of collections from `config`, and goes on in new files of
   * logs. What is wrong leaves all as it was, and is told in the log.
   */
  async reload(read: () => RegistryConfig): Promise<void> {
    try {
      const config = read()
      if ((config.access === undefined) !== (this.#users === undefined))
        throw new Error('whether there are users counts from the next start on')
      const tls = config.tls && readTls(config.tls)
      // Throws if they are not what TLS needs, before anything counts.
      if (tls) createSecureContext(tls)
      await this.#accessLog?.reopen()
      if (config.access) {
        this.#users?.replace(config.access.users)
        this.#parts.gate?.replaceRights(rightsOf(config.access))
      }
      if (tls && this.#server instanceof SecureServer) this.#server.setSecureContext(tls)
      this.#config = config
      this.#collectLater()
      this.#log.info({}, 'Reloaded the configuration')
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'The configuration was not reloaded: everything stays as it was')
    }
  }

  // Timers take at most 2^31 milliseconds. A collection that is going on plans the next itself.
  #collectLater(): void {
    clearTimeout(this.#timer)
    const { every } = this.#config.collection
    if (every > 0 && !this.#ended) this.#timer = setTimeout(() => void this.collect(), Math.min(every, 2 ** 31 - 1))
  }

  /** Applies the rules of retention and collects garbage, once at a time; what fails is told in the log, and tried again. */
  async collect(): Promise<void> {
    if (this.#ended) return
    this.#collecting ??= this.#collect().finally(() => {
      this.#collecting = undefined
      this.#collectLater()
    })
    await this.#collecting
  }

  async #collect(): Promise<void> {
    try {
      const collected = await collect(this.#parts, this.#config)
      this.#metrics?.collected(collected)
      this.#log.info({ ...collected, retired: collected.retired.length }, 'Collected garbage')
    } catch (error) {
      this.#metrics?.collected(undefined)
      this.#log.warn({ err: error }, 'Collecting garbage failed')
    }
  }

  /** Ends it. Uploads that are cut off can be gone on with; a collection that is going on ends first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    await this.#collecting
    await this.#undo.disposeAsync()
  }
}

/** What a collection goes through. */
export interface CollectedParts {
  readonly storage: Storage
  readonly repositories: Repositories
  readonly uploads: Uploads
}

/** What a collection did. */
export interface CollectedAll extends Collected {
  /** Uploads that nobody went on with. */
  readonly expired: number
  /** Tags and manifests that the rules of retention ended. */
  readonly retired: readonly string[]
}

/** Ends what nobody goes on with, what is too old or too much, and then what nothing needs any more. */
export async function collect(
  parts: CollectedParts,
  { retention, collection, cache }: RegistryConfig,
): Promise<CollectedAll> {
  const expired = await parts.uploads.expire(await parts.repositories.receiving())
  const retired = await applyRetention(parts.repositories, [...expiryOf(cache), ...retention])
  return { ...(await collectGarbage(parts, collection.grace)), expired, retired }
}

type Opened = Awaited<ReturnType<typeof open>>

async function open(config: RegistryConfig, log: Log) {
  await using undo = new AsyncDisposableStack()
  const address = parseAddress(config.listen)
  const storage = undo.use(await openStorage(config))
  const repositories = new Repositories(storage, config.quotas)
  const uploads = new Uploads(storage)
  const { users, gate } = config.access ? await openAccess(storage, config, config.access) : {}
  const accessLog = config.accessLog === undefined ? undefined : undo.use(await AccessLog.open(config.accessLog))
  const metrics = config.metrics === undefined ? undefined : undo.use(await serveMetrics(config.metrics, log))
  const cache =
    config.cache.length === 0 ? undefined : undo.use(await openCache(config.cache, { storage, uploads, log }))
  const server = createRegistryServer({ storage, repositories, uploads, gate, cache }, log, {
    tls: config.tls && readTls(config.tls),
    observer(served) {
      accessLog?.write(served)
      metrics?.served(served)
    },
  })
  server.listen(address)
  await once(server, 'listening')
  undo.defer(async () => {
    const closed = new Promise(resolve => server.close(resolve))
    server.closeAllConnections()
    await closed
  })
  return { storage, repositories, uploads, cache, gate, users, server, accessLog, metrics, undo: undo.move() }
}

async function openAccess(storage: Storage, { service, url }: RegistryConfig, config: AccessConfig) {
  const users = new Users(config.users)
  const tokens = await Tokens.open(storage, service)
  return { users, gate: new Gate({ users, rights: rightsOf(config), tokens, service, url }) }
}

// A registry that is no cache does not load the client of registries.
async function openCache(rules: readonly CacheRule[], parts: PullThroughParts): Promise<PullThrough> {
  const { PullThrough: Loaded } = await import('./cache/pull-through.ts')
  return new Loaded(rules, parts)
}

// Loaded only when there is an address for it.
async function serveMetrics(listen: string, log: Log): Promise<RegistryMetrics> {
  const { RegistryMetrics: Metrics } = await import('./observe/metrics.ts')
  const metrics = new Metrics()
  log.info({ metricsPort: await metrics.serve(parseAddress(listen)) }, 'Serving metrics')
  return metrics
}

const rightsOf = ({ rules, groups }: AccessConfig) => new Rights(rules, groups)

const readTls = ({ certificate, key, clientCa }: TlsConfig): TlsOptions => ({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  ...(clientCa !== undefined && { ca: readFileSync(clientCa), requestCert: true, rejectUnauthorized: true }),
})

/** `HOST:PORT`, `[HOST]:PORT` or `:PORT` for every address of the host. */
function parseAddress(text: string): { host?: string; port: number } {
  const [, host = '', port = ''] = /^(?:\[([^\]]+)\]|[^:]*):(\d{1,5})$/.exec(text) ?? []
  if (port === '' || Number(port) > 65_535) throw new Error(`${text}: expected HOST:PORT, such as 127.0.0.1:5000`)
  const name = host || text.slice(0, text.lastIndexOf(':'))
  return name === '' ? { port: Number(port) } : { host: name, port: Number(port) }
}
