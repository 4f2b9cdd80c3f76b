// The user namespace that a container runs in: the host's, one of its own, or that of a container it shares others with.

import { chmodSync, chownSync, constants, readFileSync } from 'node:fs'
import type { HostConfig } from '../api/types/container.ts'
import { type Fd, openPath } from '../kernel/descriptor.ts'
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
