// All mounts of a container, from everything that can ask for one; a destination is mounted once.

import { invalid } from '../lib/errors.ts'
import { isWithin } from '../lib/paths.ts'
import {
  type MountRequest,
  type PlannedMount,
  anonymousVolume,
  parseBind,
  parseMount,
  parseTmpfs,
} from './mount-request.ts'

/** The sources of mounts. Later ones don't replace what a user named twice: that is an error. */
export interface MountSources {
  /** `-v source:destination[:options]`. */
  binds?: readonly string[] | null
  /** `--mount`. */
  mounts?: readonly MountRequest[] | null
  /** `--tmpfs`: options by destination. */
  tmpfs?: Readonly<Record<string, string>> | null
  /** Destinations of the image's VOLUMEs and of `-v destination`. */
  volumes?: readonly string[]
  /** Mounts of other containers, as `--volumes-from` names them. */
  volumesFrom?: readonly { mounts: readonly PlannedMount[]; readonly: boolean }[]
  volumeDriver?: string | null
  /** The data root, so that bind mounts which contain it get slave propagation as Docker has it. */
  dataRoot: string
}

/** Plans the mounts, in the order of destinations first seen. Throws dockerd's messages. */
export function planMounts(sources: MountSources): PlannedMount[] {
  const plans = new Map<string, PlannedMount>()
  for (const { mounts, readonly } of sources.volumesFrom ?? []) {
    for (const mount of mounts.filter(({ hidden }) => !hidden)) plans.set(mount.destination, inherit(mount, readonly))
  }
  const tmpfs = Object.entries(sources.tmpfs ?? {}).map(([destination, data]) => parseTmpfs(destination, data))
  const beside = (mount: PlannedMount) => besideDataRoot(mount, sources.dataRoot)
  const binds = (sources.binds ?? []).map(bind => beside(parseBind(bind, sources.volumeDriver ?? '')))
  const mounts = (sources.mounts ?? []).map(mount => beside(parseMount(mount)))
  checkDuplicates([...tmpfs, ...binds])
  checkDuplicates([...binds, ...mounts])
  // Where --tmpfs and --mount meet, the mount is on top.
  for (const mount of [...binds, ...tmpfs, ...mounts]) plans.set(mount.destination, mount)
  for (const mount of (sources.volumes ?? []).map(anonymousVolume)) {
    if (!plans.has(mount.destination)) plans.set(mount.destination, { ...mount, driver: sources.volumeDriver ?? '' })
  }
  return [...plans.values()]
}

const inherit = (mount: PlannedMount, readonly: boolean): PlannedMount => ({
  ...mount,
  mode: '',
  rw: mount.rw && !readonly,
  copy: false,
})

function checkDuplicates(mounts: readonly PlannedMount[]) {
  const seen = new Set<string>()
  for (const { destination } of mounts) {
    if (seen.has(destination)) throw invalid(`Duplicate mount point: ${destination}`)
    seen.add(destination)
  }
}

/** A bind of the data root, or of what contains it, must not hold the engine's own mounts: they have to go with it. */
function besideDataRoot(mount: PlannedMount, dataRoot: string): PlannedMount {
  if (mount.type !== 'bind') return mount
  if (!isWithin(mount.source, dataRoot) && !isWithin(dataRoot, mount.source)) return mount
  if (mount.propagationIsDefault) return { ...mount, propagation: 'rslave' }
  if (mount.propagation === 'rslave' || mount.propagation === 'rshared') return mount
  throw invalid(
    `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: ${JSON.stringify(dataRoot)}, bind mount source: ${JSON.stringify(mount.source)}, propagation: ${JSON.stringify(mount.propagation)}`,
  )
}

/** A mount as inspect and list show it. */
export interface MountPoint {
  Type: string
  Name?: string
  Source: string
  Destination: string
  Driver?: string
  Mode: string
  RW: boolean
  Propagation: string
}

/** The Engine API's view of a plan; `mountpoint` is the path of a volume's data. Hidden mounts aren't shown. */
export function mountPoints(plans: readonly PlannedMount[], mountpoint: (volume: string) => string): MountPoint[] {
  return plans
    .filter(({ hidden }) => !hidden)
    .map(plan => ({
      Type: plan.type,
      ...(plan.type === 'volume' && { Name: plan.name }),
      ...(plan.type === 'image' && { Name: plan.source }),
      Source: sourceOf(plan, mountpoint),
      Destination: plan.destination,
      ...(plan.type === 'volume' && { Driver: plan.driver || 'local' }),
      Mode: plan.mode,
      RW: plan.rw,
      Propagation: plan.propagation,
    }))
}

// An image is mounted where only its container sees it: its id says more than a path.
function sourceOf({ type, name, source, image }: PlannedMount, mountpoint: (volume: string) => string): string {
  if (type === 'volume') return mountpoint(name)
  return type === 'image' ? (image?.id ?? '') : source
}
