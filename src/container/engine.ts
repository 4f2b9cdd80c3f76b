// What the container verbs work with. Each verb takes only the parts it names.

import type { Layers } from '../content/layers.ts'
import type { TreeWorkers } from '../content/tree/pool.ts'
import type { Registries } from '../distribution/registries.ts'
import type { Downloads } from '../image/downloads.ts'
import type { ImageStore } from '../image/store.ts'
import type { RemoveTree } from '../kernel/remove-tree.ts'
import type { Clock } from '../lib/clock.ts'
import type { Ids } from '../lib/ids.ts'
import type { Uploads } from '../image/uploads.ts'
import type { Locks } from '../lib/locks.ts'
import type { Log } from '../lib/log.ts'
import type { Compressors } from '../logging/compressors.ts'
import type { Forwarders } from '../logging/forwarders.ts'
import type { Networks } from '../network/networks.ts'
import type { Cgroups } from '../runtime/cgroup.ts'
import type { IdMap } from '../lib/id-map.ts'
import type { HostFacts } from '../runtime/host.ts'
import type { SeccompCache } from '../runtime/seccomp-cache.ts'
import type { Runtimes } from '../runtime/runtimes.ts'
import type { Database } from '../state/database.ts'
import type { Events } from '../state/events.ts'
import type { Volumes } from '../volume/volumes.ts'
import type { HealthChecks } from './health/checks.ts'
import type { Projects } from './storage/projects.ts'
import type { ContainerStore } from './store.ts'

/** The daemon's settings as far as containers are concerned. */
export interface ContainerSettings {
  readonly dataRoot: string
  readonly execRoot: string
  /** Path of gantry-shim. */
  readonly shim: string
  /** Path of the init that --init puts first. */
  readonly init: string
  /** Default for containers that don't say. */
  readonly useInit: boolean
  readonly noNewPrivileges: boolean
  /** Below the root of each cgroup hierarchy, without slashes at its ends. */
  readonly cgroupParent: string
  /** Ids of the user namespaces of containers that don't say; undefined for the host's. */
  readonly remap: IdMap | undefined
  /** Bytes. */
  readonly shmSize: number
  readonly ulimits: readonly { Name: string; Soft: number; Hard: number }[]
  /** What `--ipc` and `--cgroupns` are for containers that don't say; '' leaves it to the host. */
  readonly ipcMode: string
  readonly cgroupnsMode: string
  readonly logDriver: string
  readonly logOptions: Readonly<Record<string, string>>
  /** `builtin`, `unconfined`, or a profile as JSON in Docker's format. */
  readonly seccompProfile: string
  readonly dns: readonly string[]
  readonly dnsOptions: readonly string[]
  readonly dnsSearch: readonly string[]
  /** Directories with CDI specifications, the later ones first in effect; empty if there is no CDI. */
  readonly cdiSpecDirs: readonly string[]
  /** Bytes that the own layers of containers that don't say may take; 0 for any number. */
  readonly storageSize: number
  /** Whether checkpoints can be made and used, which clients see beforehand. */
  readonly experimental: boolean
  /** Host address of published ports that name none; '' for all. */
  readonly publishAddress: string
  /** What host-gateway stands for; empty for the bridge's own address. */
  readonly hostGateway: readonly string[]
}

/** The parts of a running engine. `settings` and `runtimes` may be others after a reload: read them when they are used. */
export interface Engine {
  readonly settings: ContainerSettings
  readonly database: Database
  readonly log: Log
  readonly clock: Clock
  readonly ids: Ids
  readonly locks: Locks
  readonly events: Events
  readonly images: ImageStore
  readonly registries: Registries
  readonly downloads: Downloads
  readonly uploads: Uploads
  readonly layers: Layers
  readonly volumes: Volumes
  readonly networks: Networks
  readonly cgroups: Cgroups
  readonly runtimes: Runtimes
  readonly seccompCache: SeccompCache
  readonly host: HostFacts
  readonly containers: ContainerStore
  readonly projects: Projects
  readonly forwarders: Forwarders
  readonly compressors: Compressors
  readonly removeTree: RemoveTree
  readonly trees: TreeWorkers
  readonly health: HealthChecks
}
