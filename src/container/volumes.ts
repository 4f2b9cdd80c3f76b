// A container's mounts when it is created: planned from all that asks for one, its volumes made and filled.

import type { ContainerConfig, HostConfig } from '../api/types/container.ts'
import type { MountPoint } from '../api/types/mount.ts'
import { mountPoints as pointsOf, planMounts } from '../runtime/mount-plan.ts'
import { parseVolumesFrom } from '../runtime/mount-mode.ts'
import type { MountRequest, PlannedMount } from '../runtime/mount-request.ts'
import type { Fd } from '../kernel/descriptor.ts'
import { invalid } from '../lib/errors.ts'
import type { Engine } from './engine.ts'
import type { Container, Definition } from './model.ts'
import { withImage } from './mounts/images.ts'
import { mountRootfs } from './rootfs.ts'

/** Plans the mounts of a new container. Throws dockerd's errors. */
export function planContainerMounts(
  engine: Pick<Engine, 'containers' | 'settings' | 'images'>,
  config: ContainerConfig,
  hostConfig: HostConfig,
): PlannedMount[] {
  const volumesFrom = (hostConfig.VolumesFrom ?? []).map(text => {
    const { container, readonly } = parseVolumesFrom(text)
    return { mounts: sourceOf(engine, container).definition.mounts, readonly }
  })
  const plans = planMounts({
    binds: hostConfig.Binds,
    mounts: hostConfig.Mounts as readonly MountRequest[] | null,
    tmpfs: hostConfig.Tmpfs,
    volumes: Object.keys(config.Volumes ?? {}),
    volumesFrom,
    volumeDriver: hostConfig.VolumeDriver,
    dataRoot: engine.settings.dataRoot,
  })
  return plans.map(plan => withImage(engine, plan))
}

// A name that is not there is a mistake in the request; as notFound, clients would look for an image.
function sourceOf({ containers }: Pick<Engine, 'containers'>, name: string): Container {
  const source = containers.find(name)
  if (!source) throw invalid(`No such container: ${name}`)
  return source
}

type VolumeParts = Pick<Engine, 'events' | 'volumes' | 'settings' | 'layers' | 'containers'>

/**
 * Makes the volumes that don't exist yet and fills the empty ones from the image. New ones are pending: `undo` unmakes
 * them as long as they are.
 */
export async function createVolumes(
  engine: VolumeParts,
  container: Container,
  undo: AsyncDisposableStack,
): Promise<Pick<Definition, 'mounts' | 'anonymousVolumes'>> {
  const anonymousVolumes: string[] = []
  const mounts: PlannedMount[] = []
  let root: Fd | undefined
  undo.defer(() => root?.close())
  for (const plan of container.definition.mounts) {
    if (plan.type !== 'volume') {
      mounts.push(plan)
      continue
    }
    const { name, isNew } = engine.volumes.ensure(
      { name: plan.name, driver: plan.driver, ...plan.volume },
      { pending: true },
    )
    if (isNew) {
      undo.defer(() => engine.volumes.drop(name))
      engine.events.publish('volume', 'create', name, { driver: plan.driver || 'local' })
    }
    if (plan.name === '' || isAnonymous(engine, name)) anonymousVolumes.push(name)
    if (plan.copy) {
      root ??= mountRootfs(engine, container)
      await engine.volumes.copyUp(name, root, plan.destination)
    }
    mounts.push({ ...plan, name })
  }
  root?.close()
  return { mounts, anonymousVolumes }
}

// Taken over from another container: whichever of the two is removed last takes the volume with it.
function isAnonymous(engine: Pick<Engine, 'containers'>, name: string): boolean {
  return engine.containers.all().some(({ definition }) => definition.anonymousVolumes.includes(name))
}

/** The volumes of a container that runs: they are mounted until this is disposed of. */
export interface HeldVolumes extends Disposable {
  /** Where the data of a volume are. */
  path(name: string): string
}

/** Has a container's volumes mounted for it. Throws what mounting them throws; none is held then. */
export async function holdVolumes(engine: Pick<Engine, 'volumes'>, container: Container): Promise<HeldVolumes> {
  using stack = new DisposableStack()
  for (const name of volumesOf(container)) stack.use(await engine.volumes.hold(name))
  return held(engine, stack.move())
}

/** As `holdVolumes`, for a container that an earlier daemon started. */
export function adoptVolumes(engine: Pick<Engine, 'volumes'>, container: Container): HeldVolumes {
  const stack = new DisposableStack()
  for (const name of volumesOf(container)) stack.use(engine.volumes.adopt(name))
  return held(engine, stack)
}

const held = ({ volumes }: Pick<Engine, 'volumes'>, stack: DisposableStack): HeldVolumes => ({
  path: name => volumes.mountpoint(name),
  [Symbol.dispose]: () => stack.dispose(),
})

/** The names of a container's volumes. */
export const volumesOf = ({ definition: { mounts } }: Pick<Container, 'definition'>): string[] =>
  mounts.filter(({ type }) => type === 'volume').map(({ name }) => name)

/** The mounts as inspect and list show them. */
export function mountPoints(engine: Pick<Engine, 'volumes'>, container: Container): MountPoint[] {
  return pointsOf(container.definition.mounts, name => engine.volumes.mountpoint(name))
}
