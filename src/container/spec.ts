// The OCI configuration of a container that starts: everything it depends on, looked up.

import { conflict } from '../lib/errors.ts'
import type { Fd } from '../kernel/descriptor.ts'
import { mappedTree, openTree } from '../kernel/mount.ts'
import type { RuntimeSpec } from '../oci/runtime-spec.ts'
import { findDevices } from '../runtime/cdi/devices.ts'
import { injectEdits } from '../runtime/cdi/inject.ts'
import { readDeviceAccess } from '../runtime/devices.ts'
import { resolveMounts } from '../runtime/mount-resolve.ts'
import { containerOf } from '../runtime/modes.ts'
import { readBlockIo } from '../runtime/resources.ts'
import { buildSpec } from '../runtime/spec.ts'
import type { ContainerUsers } from './user-namespace.ts'
import type { ResolvedMount } from '../runtime/spec-mounts.ts'
import { resolveUser } from '../runtime/user.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import type { HeldVolumes } from './volumes.ts'
import type { Connected } from './network.ts'
import { ownFilesOf } from './network-files.ts'
import { mountImage } from './mounts/images.ts'
import type { Placements } from './mounts/placements.ts'
import { prepareIpc } from './mounts/shared-memory.ts'
import { requestedDevices } from './device-requests.ts'
import { containerPaths } from './paths.ts'

/** What of a start the document depends on. */
export interface Prepared {
  readonly rootfs: Fd
  readonly network: Connected
  readonly users: ContainerUsers | undefined
  readonly placements: Placements
  readonly volumes: HeldVolumes
}

/** Builds config.json; `placements` gets what the shim has to attach first. Throws dockerd's errors. */
export async function specFor(
  engine: Engine,
  container: Container,
  { rootfs, network, users, placements, volumes }: Prepared,
): Promise<RuntimeSpec> {
  const { config, hostConfig, argv } = container.definition
  const paths = containerPaths(engine.settings, container.id)
  const { settings } = engine
  const ipc = prepareIpc(engine, container, placements, users)
  const spec = buildSpec({
    rootfsPath: paths.rootfs,
    config,
    hostConfig,
    args: argv,
    user: resolveUser(rootfs, config.User, hostConfig.GroupAdd ?? []),
    cgroupsPath: cgroupOf(engine, container),
    namespaces: { ...namespacesToJoin(engine, container, network), ...(ipc.namespace && { ipc: ipc.namespace }) },
    users: users && {
      namespace: placements.place(openTree(users.namespace, { clone: true }), 'userns'),
      map: users.map,
    },
    mounts: [
      ...ownFiles(engine, container, { users, placements }),
      ...(await userMounts(engine, container, { users, placements, volumes })),
    ],
    shm: ipc.shm,
    devices: readDeviceAccess(hostConfig),
    blockIo: readBlockIo(hostConfig),
    host: engine.host,
    defaults: {
      ulimits: settings.ulimits,
      initPath: settings.init,
      init: settings.useInit,
      noNewPrivileges: settings.noNewPrivileges,
      seccompProfile: settings.seccompProfile,
      apparmorProfile: '',
    },
  })
  const devices = await requestedDevices(settings, hostConfig)
  return devices.length === 0 ? spec : injectEdits(spec, await findDevices(devices, settings.cdiSpecDirs))
}

function namespacesToJoin(engine: Engine, container: Container, network: Connected) {
  const { PidMode } = container.definition.hostConfig
  const own = network.namespace ? containerPaths(engine.settings, container.id).networkNamespace : network.joined
  const target = containerOf(PidMode)
  return {
    ...(own !== undefined && { network: own }),
    ...(target !== undefined && { pid: pidNamespaceOf(engine, target) }),
  }
}

function pidNamespaceOf(engine: Engine, reference: string): string {
  const target = engine.containers.get(reference)
  if (target.isRunning) return `/proc/${target.state.pid}/ns/pid`
  throw conflict(`container ${target.id} is not running`)
}

type Mounting = Pick<Prepared, 'users' | 'placements'>

async function userMounts(
  engine: Engine,
  container: Container,
  { users, placements, volumes }: Mounting & Pick<Prepared, 'volumes'>,
): Promise<ResolvedMount[]> {
  const { mounts, hostConfig } = container.definition
  return resolveMounts(mounts, {
    volumePath: name => volumes.path(name),
    imageTree: image => mountImage(engine, image, users),
    users: users?.namespace,
    place: tree => placements.place(tree),
    recursiveReadonly: engine.runtimes.get(hostConfig.Runtime ?? '').recursiveReadonly,
  })
}

// The container's root owns them, whoever that is on the host.
function ownFiles(engine: Engine, container: Container, { users, placements }: Mounting): ResolvedMount[] {
  const shown = (path: string) => (users ? placements.place(mappedTree(path, users.namespace)) : path)
  return ownFilesOf(engine, container).map(({ source, destination }) => ({
    destination,
    source: shown(source),
    type: 'bind',
    options: ['rbind', 'rprivate'],
  }))
}
