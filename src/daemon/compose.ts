// Puts an engine together from its parts, and brings it up on what an earlier daemon left.

import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { reconnect, settleInherited, startWithDaemon } from '../container/restore.ts'
import { type ContainerSettings, type Engine } from '../container/engine.ts'
import { ProbingHealthChecks } from '../container/health/probing.ts'
import { systemTimer } from '../container/health/schedule.ts'
import { imageUsage } from '../container/image-usage.ts'
import { Projects } from '../container/storage/projects.ts'
import { checkDefaultSize } from '../container/storage/size.ts'
import { ContainerStore } from '../container/store.ts'
import { Blobs } from '../content/blobs.ts'
import { Layers } from '../content/layers.ts'
import type { UnpackLimits } from '../content/limits.ts'
import { WorkerPool } from '../content/pool.ts'
import { TreeWorkers } from '../content/tree/pool.ts'
import type { RegistrySettings } from '../distribution/endpoints.ts'
import { Registries } from '../distribution/registries.ts'
import { type DownloadLimits, Downloads } from '../image/downloads.ts'
import { Retention, type RetentionLimits } from '../image/retention.ts'
import { ImageStore } from '../image/store.ts'
import { treeRemover } from '../content/tree-remover.ts'
import { systemClock } from '../lib/clock.ts'
import { Uploads } from '../image/uploads.ts'
import { randomIds } from '../lib/ids.ts'
import { Locks } from '../lib/locks.ts'
import type { Log } from '../lib/log.ts'
import { Compressors } from '../logging/compressors.ts'
import { Forwarders } from '../logging/forwarders.ts'
import { Networks, type NetworksOptions } from '../network/networks.ts'
import { ensureApparmorProfile } from '../runtime/apparmor.ts'
import { Cgroups } from '../runtime/cgroup.ts'
import { readHostFacts } from '../runtime/host.ts'
import { type RuntimeCandidate, knownRuntimes, probeRuntimes } from '../runtime/probe.ts'
import { SeccompCache } from '../runtime/seccomp-cache.ts'
import { Runtimes } from '../runtime/runtimes.ts'
import { Database } from '../state/database.ts'
import { EventJournal } from '../state/journal.ts'
import type { EngineEvent } from '../state/event.ts'
import { Events } from '../state/events.ts'
import { Meta } from '../state/meta.ts'
import { Volumes } from '../volume/volumes.ts'

/** What an engine is made for. */
export interface EngineOptions {
  readonly settings: ContainerSettings
  readonly registries: RegistrySettings
  readonly downloads: DownloadLimits
  /** Blobs that are sent to registries at once. */
  readonly uploads: number
  /** Bytes that are kept of pulls that were cut off. */
  readonly partialMaxSize: number
  /** What one layer may unpack to. */
  readonly layers: UnpackLimits
  /** Equal files of layers share blocks, where the file system can. */
  readonly shareFiles: boolean
  readonly retention: RetentionLimits
  readonly network: Omit<NetworksOptions, 'database' | 'log'>
  /** Beside crun and runc. */
  readonly runtimes: readonly RuntimeCandidate[]
  /** Name of the default runtime; undefined for the fastest that works. */
  readonly defaultRuntime: string | undefined
}

/** What of it can change while the engine runs. */
export type ReloadableOptions = Pick<
  EngineOptions,
  | 'settings'
  | 'runtimes'
  | 'defaultRuntime'
  | 'registries'
  | 'downloads'
  | 'uploads'
  | 'partialMaxSize'
  | 'layers'
  | 'retention'
>

/** An engine, and how its settings are changed while it runs. */
export interface ComposedEngine {
  readonly engine: Engine
  /** Probes the runtimes of `options` and then takes them and its settings, both at once; throws, changing nothing. */
  reconfigure(options: ReloadableOptions): Promise<void>
}

/** The cgroup below which the containers of the daemon with this exec root are. */
export function defaultCgroupParent(execRoot: string): string {
  if (execRoot === '/run/gantry') return 'gantry'
  return `gantry-${createHash('sha256').update(execRoot).digest('hex').slice(0, 8)}`
}

/**
 * Opens the data root and takes over what runs: afterwards every container is as its shim says. `undo` gets what the
 * daemon has to let go of at its end, which is never a container.
 */
export async function composeEngine(
  options: EngineOptions,
  log: Log,
  undo: AsyncDisposableStack,
): Promise<ComposedEngine> {
  const { settings } = options
  makeDirectories(settings)
  const database = undo.use(Database.open(join(settings.dataRoot, 'gantry.db')))
  const clock = systemClock
  const blobs = new Blobs(settings.dataRoot, options.partialMaxSize)
  const pool = undo.use(new WorkerPool())
  const patientPool = undo.use(new WorkerPool({ size: Math.max(4, availableParallelism()) }))
  const removeTree = treeRemover(pool)
  const sharing = options.shareFiles ? { pool: undo.use(new WorkerPool({ size: 1 })), log } : undefined
  const layers = new Layers({ root: settings.dataRoot, database, pool, patientPool, limits: options.layers, sharing })
  await Promise.all([blobs.prepare(), layers.prepare()])
  const host = readHostFacts()
  if (host.apparmor) await ensureApparmorProfile()
  const networks = undo.use(new Networks({ database, log, clock, ...options.network }))
  const containers = new ContainerStore(database)
  const projects = new Projects(join(settings.dataRoot, 'containers'), () => projectsOf(containers))
  checkDefaultSize(settings.storageSize, projects)
  const events = new Events(clock, undo.use(new EventJournal(join(settings.dataRoot, 'events'))))
  const images: ImageStore = new ImageStore({
    root: settings.dataRoot,
    database,
    blobs,
    layers,
    pool,
    clock,
    usage: imageUsage(containers),
    events: (action, id, name, subject = id ?? name) => {
      // Of one that is gone by now nothing is known.
      const labels = id && images.get(id)?.config.config?.Labels
      events.publish('image', action, subject, { ...labels, name })
    },
  })
  const live = {
    settings,
    downloads: options.downloads,
    uploads: options.uploads,
    retention: options.retention,
    runtimes: await findRuntimes(options, host, database),
  }
  const retention = undo.use(new Retention(images, () => live.retention, log))
  undo.use(events.observe(event => growsImages(event) && retention.changed()))
  const engine: Engine = {
    get settings() {
      return live.settings
    },
    get runtimes() {
      return live.runtimes
    },
    database,
    log,
    clock,
    ids: randomIds,
    locks: new Locks(),
    events,
    images,
    registries: undo.use(new Registries(options.registries)),
    downloads: new Downloads(blobs, () => live.downloads),
    uploads: new Uploads(() => live.uploads),
    layers,
    volumes: new Volumes({ database, root: join(settings.dataRoot, 'volumes'), clock, ids: randomIds, removeTree }),
    networks,
    cgroups: new Cgroups(),
    seccompCache: new SeccompCache(),
    host,
    containers,
    projects,
    forwarders: undo.use(new Forwarders(log)),
    compressors: undo.use(new Compressors(log)),
    removeTree,
    trees: undo.use(new TreeWorkers()),
    health: new ProbingHealthChecks(() => engine, systemTimer()),
  }
  for (const id of await images.recover())
    log.warn({ image: id }, 'an image lacks a layer: remove it and load it again')
  engine.volumes
    .recover()
    .catch((error: unknown) => log.warn({ error }, 'the data of a removed volume could not be removed'))
  const inheritance = await reconnect(engine)
  await networks.start()
  await settleInherited(engine, inheritance)
  await startWithDaemon(engine)
  const runtimesFor = async (next: ReloadableOptions): Promise<Runtimes> => {
    const wanted = [...next.runtimes]
    for (;;) {
      wanted.push(...stillUsed(live.runtimes, containers, wanted))
      const runtimes = await findRuntimes({ ...next, runtimes: wanted }, host, database)
      // Meanwhile a container may have been made with one that was about to go.
      if (stillUsed(live.runtimes, containers, wanted).length === 0) return runtimes
    }
  }
  const reconfigure: ComposedEngine['reconfigure'] = async next => {
    const runtimes = await runtimesFor(next)
    Object.assign(live, {
      settings: next.settings,
      downloads: next.downloads,
      uploads: next.uploads,
      retention: next.retention,
      runtimes,
    })
    blobs.partial.limit = next.partialMaxSize
    layers.limits = next.layers
    engine.registries.reconfigure(next.registries)
  }
  return { engine, reconfigure }
}

const projectsOf = (containers: ContainerStore) =>
  containers.all().flatMap(({ definition: { storage } }) => (storage ? [storage.project] : []))

// What may bring images above their limit, or lets one go that was kept.
const growsImages = ({ type, action }: EngineEvent): boolean =>
  (type === 'image' && ['pull', 'load', 'import', 'tag'].includes(action)) ||
  (type === 'container' && ['commit', 'destroy'].includes(action))

// Containers go on with the runtime that they were made with.
function stillUsed(runtimes: Runtimes, containers: ContainerStore, next: readonly RuntimeCandidate[]) {
  const used = new Set(containers.all().map(({ definition }) => definition.hostConfig.Runtime))
  const named = new Set([...knownRuntimes, ...next].map(({ name }) => name))
  return runtimes.all.filter(({ name }) => used.has(name) && !named.has(name))
}

function makeDirectories({ dataRoot, execRoot }: ContainerSettings) {
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 })
  mkdirSync(join(dataRoot, 'containers'), { recursive: true, mode: 0o710 })
  mkdirSync(join(execRoot, 'containers'), { recursive: true, mode: 0o711 })
  mkdirSync(join(execRoot, 'runtime'), { recursive: true, mode: 0o711 })
}

async function findRuntimes(options: ReloadableOptions, host: Engine['host'], database: Database): Promise<Runtimes> {
  const { settings } = options
  const candidates = [...knownRuntimes, ...options.runtimes]
  const probed = await probeRuntimes(candidates, {
    initPath: settings.init,
    scratch: join(settings.execRoot, 'probe'),
    cgroupParent: `/${settings.cgroupParent}`,
    host,
    cache: new Meta(database),
  })
  return new Runtimes(probed, options.defaultRuntime)
}
