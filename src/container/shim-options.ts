// What a shim is told of the container or exec that it holds.

import { join } from 'node:path'
import type { Fd } from '../kernel/descriptor.ts'
import type { ShimOptions } from '../runtime/shim.ts'
import { cgroupOf } from './cgroup.ts'
import type { Engine } from './engine.ts'
import { shimLog } from './log-config.ts'
import type { Container, Exec } from './model.ts'
import type { Connected } from './network.ts'
import { containerPaths } from './paths.ts'
import type { ContainerUsers } from './user-namespace.ts'

type Parts = Pick<Engine, 'settings' | 'runtimes' | 'cgroups'>

/** What the shim of a container is handed. */
interface Prepared {
  readonly rootfs: Fd
  readonly network: Connected
  readonly users: ContainerUsers | undefined
  /** Directory of the checkpoint that the container goes on from. */
  readonly images: string | undefined
}

/** For the shim of a container that starts. */
export function shimOptions(
  engine: Parts,
  container: Container,
  { rootfs, network, users, images }: Prepared,
): ShimOptions {
  const { config, hostConfig } = container.definition
  const paths = containerPaths(engine.settings, container.id)
  const oomCounter = engine.cgroups.at(cgroupOf(engine, container)).oomCounter()
  const [rows = 0, columns = 0] = hostConfig.ConsoleSize
  return {
    mode: 'run',
    runDir: paths.run,
    id: container.id,
    ...runtimeOf(engine, container),
    exitRecord: paths.exitRecord,
    ...(images !== undefined && { restore: images }),
    log: shimLog(engine.settings, container),
    tty: config.Tty,
    openStdin: config.OpenStdin,
    ...(rows > 0 && columns > 0 && { size: { rows, columns } }),
    oomSources: oomCounter === undefined ? [] : [oomCounter.path],
    rootfs,
    ...(network.namespace && { networkNamespace: network.namespace }),
    // Those of ports first: they are known by their index.
    reservations: users?.mark ? [...network.reservations, users.mark] : network.reservations,
  }
}

/** For the shim of a process that is added to a container. */
export function execShimOptions(engine: Parts, exec: Exec, directory: string): ShimOptions {
  return {
    mode: 'exec',
    runDir: directory,
    id: exec.container.id,
    ...runtimeOf(engine, exec.container),
    process: join(directory, 'process.json'),
    tty: exec.request.Tty,
    openStdin: exec.request.AttachStdin,
    ...(exec.size && { size: exec.size }),
  }
}

/** The OCI runtime's own record of a container; the engine removes it, for nothing is left to ask the runtime about. */
export function runtimeState(engine: Parts, container: Container): string {
  return join(runtimeOf(engine, container).runtimeRoot, container.id)
}

/** The runtime of a container, as it is called. */
export function runtimeOf(engine: Parts, container: Container) {
  const runtime = engine.runtimes.get(container.definition.hostConfig.Runtime ?? '')
  return {
    runtime: runtime.path,
    runtimeArguments: runtime.args,
    runtimeRoot: join(engine.settings.execRoot, 'runtime', runtime.name),
    hideUnifiedCgroup: engine.cgroups.layout.hybrid,
  }
}
