// The user namespace that a container runs in: the host's, one of its own, or that of a container it shares others with.

import { chmodSync, chownSync, constants, readFileSync } from 'node:fs'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import type { IdView } from '../kernel/mount.ts'
import { conflict } from '../lib/errors.ts'
import { claimIds } from '../runtime/id-allocation.ts'
import { type IdMap, parseRanges, rootOf } from '../runtime/id-map.ts'
import { containerOf } from '../runtime/modes.ts'
import { createUserNamespace } from '../runtime/user-namespace.ts'
import { hasUserNamespace } from './check-users.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/** A container's user namespace while it starts; disposing closes the engine's descriptors. */
export interface ContainerUsers extends Disposable, IdView {
  readonly map: IdMap
  /** A new network namespace that belongs to it; undefined if it is another container's. */
  readonly network: Fd | undefined
  /** What keeps its range of ids: to be held as long as it runs. */
  readonly claim: Fd | undefined
}

type Parts = Pick<Engine, 'containers' | 'settings'>

/** What the container's UsernsMode, or the daemon's `userns-remap`, says; undefined for the host's. Throws dockerd's errors. */
export async function prepareUsers(engine: Parts, container: Container): Promise<ContainerUsers | undefined> {
  const { hostConfig } = container.definition
  const { remap } = engine.settings
  if (!hasUserNamespace(engine.settings, hostConfig)) return undefined
  const donor = donorOf(engine, container)
  if (donor) return joined(donor)
  using made = new DisposableStack()
  const { map, lock } = hostConfig.UsernsMode === '' && remap ? { map: remap } : claimIds(container.id)
  if (lock) made.use(lock)
  const namespaces = await createUserNamespace(map, engine.settings.shim)
  made.use(namespaces.user)
  made.use(namespaces.network)
  const undo = made.move()
  return {
    namespace: namespaces.user,
    network: namespaces.network,
    claim: lock,
    map,
    root: rootOf(map),
    [Symbol.dispose]: () => undo.dispose(),
  }
}

/** Lets the namespace's root reach its root file system in `runDir`, and nobody else. */
export function letIn(runDir: string, { root }: ContainerUsers): void {
  chownSync(runDir, 0, root.gid)
  chmodSync(runDir, 0o710)
}

// Who shares a namespace has to share the one that it belongs to.
function donorOf(engine: Parts, { definition: { hostConfig } }: Container): Container | undefined {
  const { NetworkMode, IpcMode, PidMode } = hostConfig
  const names = [NetworkMode, PidMode, IpcMode].map(containerOf).filter(name => name !== undefined)
  const donors = names.map(name => engine.containers.find(name)).filter(donor => donor?.isRunning)
  return donors[0]
}

/** The user namespace that a container runs in; undefined if that is the host's, or the container doesn't run. */
export function usersOf(container: Container): (IdView & Disposable & { readonly map: IdMap }) | undefined {
  if (!container.isRunning) return undefined
  const { pid } = container.state
  try {
    const map = mapOf(pid)
    if (rootOf(map).uid === 0) return undefined
    const namespace = openPath(`/proc/${pid}/ns/user`, constants.O_RDONLY)
    return { map, namespace, root: rootOf(map), [Symbol.dispose]: () => namespace.close() }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}

const mapOf = (pid: number): IdMap => ({
  uids: parseRanges(readFileSync(`/proc/${pid}/uid_map`, 'utf8')),
  gids: parseRanges(readFileSync(`/proc/${pid}/gid_map`, 'utf8')),
})

function joined({ id, state: { pid } }: Container): ContainerUsers {
  const map = mapOf(pid)
  if (rootOf(map).uid === 0) {
    throw conflict(
      `cannot share namespaces of container ${id} from a user namespace: it runs in the host's; use --userns=host`,
    )
  }
  const namespace = openPath(`/proc/${pid}/ns/user`, constants.O_RDONLY)
  return {
    namespace,
    network: undefined,
    claim: undefined,
    map,
    root: rootOf(map),
    [Symbol.dispose]: () => namespace.close(),
  }
}
