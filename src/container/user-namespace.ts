// The user namespace that a container runs in: the host's, one of its own, or that of a container it shares others with.

import { chmodSync, chownSync, constants, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { HostConfig } from '../api/types/container.ts'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { statFd } from '../kernel/files.ts'
import type { IdView } from '../kernel/mount.ts'
import { conflict } from '../lib/errors.ts'
import { claimIds, joinClaim } from '../runtime/id-allocation.ts'
import { type IdMap, parseRanges, rootOf } from '../lib/id-map.ts'
import { containerOf, hasOwnNetwork } from '../runtime/modes.ts'
import { createNetworkIn, createUserNamespace } from '../runtime/user-namespace.ts'
import { checkUserNamespace, hasUserNamespace } from './check-users.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'

/** A container's user namespace while it starts; disposing closes the engine's descriptors. */
export interface ContainerUsers extends Disposable, IdView {
  readonly map: IdMap
  /** A new network namespace that belongs to it; undefined if the container shares another's. */
  readonly network: Fd | undefined
  /** What keeps its ids from others: to be held as long as it runs. */
  readonly mark: Fd | undefined
}

type Parts = Pick<Engine, 'containers' | 'settings'>

/**
 * What the container's UsernsMode, or the daemon's `userns-remap`, says; undefined for the host's. Throws conflict if what
 * it shares belongs to another user namespace than it can join.
 */
export async function prepareUsers(engine: Parts, container: Container): Promise<ContainerUsers | undefined> {
  const { hostConfig } = container.definition
  if (!hasUserNamespace(engine.settings, hostConfig)) return undefined
  // It may have been created when the daemon didn't remap.
  checkUserNamespace(engine.settings, hostConfig)
  using open = new DisposableStack()
  const donors = donorsOf(engine, hostConfig)
  const parts = donors.length > 0 ? await join(engine, hostConfig, donors, open) : await make(engine, container, open)
  const owned = open.move()
  return { ...parts, root: rootOf(parts.map), [Symbol.dispose]: () => owned.dispose() }
}

/**
 * Lets the namespace's root reach its root file system in `runDir`, and nobody else. Throws conflict if a directory above
 * keeps it from there.
 */
export function letIn(runDir: string, { root }: ContainerUsers): void {
  for (let path = dirname(runDir); path !== '/'; path = dirname(path)) {
    if ((statSync(path).mode & constants.S_IXOTH) !== 0) continue
    throw conflict(
      `the directory ${path} keeps the container's root from its root file system: allow everyone to pass through (chmod o+x)`,
    )
  }
  chownSync(runDir, 0, root.gid)
  chmodSync(runDir, 0o710)
}

type Parted = Pick<ContainerUsers, 'namespace' | 'network' | 'mark' | 'map'>

async function make({ settings }: Parts, { id, definition }: Container, open: DisposableStack): Promise<Parted> {
  const shared = definition.hostConfig.UsernsMode === 'private' ? undefined : settings.remap
  const { map, mark } = shared ? { map: shared, mark: undefined } : claimIds(id)
  if (mark) open.use(mark)
  const { user, network } = await createUserNamespace(map, settings.shim)
  return { namespace: open.use(user), network: open.use(network), mark, map }
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

// Who shares a namespace has to be in the user namespace that it belongs to.
async function join(
  { settings }: Parts,
  hostConfig: HostConfig,
  donors: readonly Container[],
  open: DisposableStack,
): Promise<Parted> {
  const [first, ...others] = donors.map(donor => open.use(mappedUsersOf(donor)))
  if (!first) throw conflict('there is no container to share namespaces with')
  const { namespace, map } = first
  if (others.some(other => statFd(other.namespace).ino !== statFd(namespace).ino)) {
    throw conflict(
      `cannot share namespaces of ${donors.map(({ id }) => id).join(' and ')}: their user namespaces differ`,
    )
  }
  const mark = joinClaim(map)
  if (mark) open.use(mark)
  const network = hasOwnNetwork(hostConfig) ? open.use(await createNetworkIn(namespace, settings.shim)) : undefined
  return { namespace, network, mark, map }
}

function mappedUsersOf(donor: Container) {
  const users = usersOf(donor)
  if (users) return users
  throw conflict(`cannot share namespaces of ${donor.id}, which is in the host's user namespace: use --userns=host`)
}

// One that isn't there, or doesn't run, is told of by who looks for what it shares.
function donorsOf({ containers }: Parts, { NetworkMode, IpcMode, PidMode }: HostConfig): Container[] {
  const names = [NetworkMode, PidMode, IpcMode].map(containerOf).filter(name => name !== undefined)
  return names.flatMap(name => containers.find(name) ?? []).filter(donor => donor.isRunning)
}
