// What SIGHUP changes: the configuration is read again, and the part of it that can change while the daemon runs counts.

import { hostname } from 'node:os'
import type { Engine } from '../container/engine.ts'
import { messageOf } from '../lib/errors.ts'
import type { AdjustableLog } from '../lib/log.ts'
import { Meta } from '../state/meta.ts'
import type { ComposedEngine } from './compose.ts'
import type { Config, Configured } from './config.ts'
import { type OptionName, options } from './config/options.ts'
import { engineOptions } from './options.ts'
import type { ServiceManager } from './service-manager.ts'

type Key = keyof Config & OptionName

/** Those that dockerd reloads too. */
const asDockerd = [
  'debug',
  'defaultCgroupnsMode',
  'defaultIpcMode',
  'defaultRuntime',
  'defaultShmSize',
  'insecureRegistries',
  'labels',
  'maxDownloadAttempts',
  'maxDownloads',
  'maxUploads',
  'registryMirrors',
  'runtimes',
  'shutdownTimeout',
] as const satisfies readonly Key[]

/** What else is only a default for containers, or looked at anew each time. */
const defaults = [
  'cdiSpecDirs',
  'defaultUlimits',
  'dns',
  'dnsOptions',
  'dnsSearch',
  'hostGatewayIps',
  'imageMaxSize',
  'imageMinAge',
  'init',
  'layerMaxEntries',
  'layerMaxRatio',
  'layerMaxSize',
  'logDriver',
  'logLevel',
  'logOptions',
  'noNewPrivileges',
  'partialMaxSize',
  'referrers',
  'registryTimeout',
  'seccompProfile',
] as const satisfies readonly Key[]

const reloadable: readonly Key[] = [...asDockerd, ...defaults]

/** A configuration for the running daemon, and the keys that differ and count only from its next start on. */
export interface Reloaded {
  readonly config: Config
  readonly later: readonly string[]
}

/** Takes from `next` what can change while the daemon runs with `running`. */
export function reloadConfig(running: Config, next: Config): Reloaded {
  const taken = Object.fromEntries(reloadable.map(key => [key, next[key]]))
  const config: Config = Object.freeze({ ...running, ...taken })
  const names = Object.keys(options).filter((name): name is Key => name in next)
  const later = names.filter(name => JSON.stringify(config[name]) !== JSON.stringify(next[name])).map(keyInFile)
  return { config, later }
}

const keyInFile = (name: Key) => ('key' in options[name] && options[name].key) || options[name].flag

interface Parts extends ComposedEngine {
  readonly log: AdjustableLog
  readonly manager: ServiceManager
  readonly config: Config
  /** Reads the configuration again. Throws if something is wrong with it. */
  readonly load: () => Configured
}

/** A daemon with the configuration that counts now. */
export class RunningDaemon {
  readonly engine: Engine
  readonly engineId: string
  #config: Config
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.engine = parts.engine
    this.engineId = new Meta(parts.engine.database).ensure('engine-id', () => crypto.randomUUID())
    this.#config = parts.config
    this.#parts = parts
  }

  get config(): Config {
    return this.#config
  }

  /** Reloads. What is wrong is said in the log, and then everything stays as it was. */
  async reload(): Promise<void> {
    const { log, manager } = this.#parts
    manager.reloading()
    try {
      await this.#take(this.#parts.load())
    } catch (error) {
      log.error({ error: messageOf(error) }, 'The configuration was not reloaded: everything stays as it was')
    }
    manager.reloaded()
  }

  async #take({ config: next, notices }: Configured) {
    const { log, reconfigure } = this.#parts
    const { config, later } = reloadConfig(this.#config, next)
    await reconfigure(engineOptions(config))
    this.#config = config
    log.level = config.logLevel
    for (const notice of notices) log.info({}, notice)
    for (const key of later) log.warn({ key }, `A changed ${key} counts from the next start of the daemon on`)
    log.info({}, 'Reloaded the configuration')
    this.engine.events.publish('daemon', 'reload', this.engineId, attributesOf(this.engine, config))
  }
}

// Those of dockerd, in Go's forms.
function attributesOf({ runtimes }: Engine, config: Config): Record<string, string> {
  const works = runtimes.all.filter(runtime => runtime.works)
  return {
    'allow-nondistributable-artifacts': '[]',
    debug: String(config.debug),
    'default-cgroupns-mode': config.defaultCgroupnsMode,
    'default-ipc-mode': config.defaultIpcMode,
    'default-runtime': runtimes.defaultName,
    'default-shm-size': String(config.defaultShmSize),
    features: 'map[]',
    'insecure-registries': JSON.stringify(config.insecureRegistries),
    labels: JSON.stringify(config.labels),
    'live-restore': 'true',
    'max-concurrent-downloads': String(config.maxDownloads),
    'max-concurrent-uploads': String(config.maxUploads),
    'max-download-attempts': String(config.maxDownloadAttempts),
    name: hostname(),
    'registry-mirrors': JSON.stringify(config.registryMirrors),
    runtimes: works.map(({ name, path }) => `${name}:${path}`).join(' '),
    'shutdown-timeout': String(config.shutdownTimeout),
  }
}
