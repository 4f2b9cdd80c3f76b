// /dev/shm and the ipc namespace of a container: its own, the host's, or another container's.

import { constants } from 'node:fs'
import { join } from 'node:path'
import { type Fd, openPath } from '../../kernel/descriptor.ts'
import { type IdView, mountTmpfs } from '../../kernel/mount.ts'
import { conflict, invalid } from '../../lib/errors.ts'
import { containerOf } from '../../runtime/modes.ts'
import { type SharedMemory, defaultShmSize } from '../../runtime/spec-mounts.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { containerPaths } from '../paths.ts'
import type { Placements } from './placements.ts'

/** What of a container's isolation concerns its ipc. */
export interface Ipc {
  readonly shm: SharedMemory
  /** Path of the namespace to join; undefined for one of its own or the host's. */
  readonly namespace: string | undefined
}

type Parts = Pick<Engine, 'containers' | 'settings'>

/** Prepares what the container's IpcMode says. Throws dockerd's errors if another container's can't be shared. */
export function prepareIpc(
  engine: Parts,
  { definition: { hostConfig } }: Container,
  placements: Placements,
  users?: IdView,
): Ipc {
  const { IpcMode: mode, ShmSize } = hostConfig
  const donor = containerOf(mode)
  if (donor !== undefined) return joinIpc(engine, donor, placements)
  return { shm: ownMemory(mode, ShmSize, placements, users), namespace: undefined }
}

const hostMemory: SharedMemory = { kind: 'bind', source: '/dev/shm' }

function ownMemory(mode: string, size: number, placements: Placements, users?: IdView): SharedMemory {
  if (mode === 'host') return hostMemory
  if (mode === 'none') return { kind: 'none' }
  // A private one is the runtime's to make: nobody else will ever need to find it.
  return mode === 'shareable' ? sharedAt(placements.place(newMemory(size, users), 'shm')) : { kind: 'own' }
}

function newMemory(size: number, users?: IdView): Fd {
  const { uid, gid } = users?.root ?? { uid: 0, gid: 0 }
  const bytes = String(size || defaultShmSize)
  return mountTmpfs({ source: 'shm', mode: '1777', size: bytes, uid: String(uid), gid: String(gid) })
}

// Said to the runtime: crun's bind mounts don't keep the flags of what they are made from.
const sharedAt = (source: string): SharedMemory => ({ kind: 'bind', source, options: ['nosuid', 'noexec', 'nodev'] })

function joinIpc(engine: Parts, reference: string, placements: Placements): Ipc {
  const donor = donorOf(engine, reference)
  const ipcNamespace = `/proc/${donor.state.pid}/ns/ipc`
  if (donor.definition.hostConfig.IpcMode === 'host') return { shm: hostMemory, namespace: ipcNamespace }
  const namespace = openPath(`/proc/${donor.live?.shimPid}/ns/mnt`, constants.O_RDONLY)
  const path = join(containerPaths(engine.settings, donor.id).run, 'shm')
  const source = placements.joinSharedMemory(namespace, path)
  return { shm: sharedAt(source), namespace: ipcNamespace }
}

// What has the host's, or joined a shareable one itself, can be joined too.
function donorOf({ containers }: Parts, reference: string): Container {
  const donor = containers.find(reference)
  if (!donor) throw invalid(`No such container: ${reference}`)
  if (!donor.isRunning) throw conflict(`can't join IPC of container ${donor.id}: container ${donor.id} is not running`)
  const mode = donor.definition.hostConfig.IpcMode
  if (mode === 'host' || mode === 'shareable' || containerOf(mode) !== undefined) return donor
  throw invalid(
    `can't join IPC of container ${donor.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  )
}
