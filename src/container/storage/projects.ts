// Containers whose own layer may take only so much: each has a project of the file system's quotas.

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type Fd, openPath } from '../../kernel/descriptor.ts'
import { assignProject, limitProject, limitsProjects, projectUsage } from '../../kernel/quota.ts'
import { messageOf, system } from '../../lib/errors.ts'

/** How much a container's own layer may take, and the project that counts it. */
export interface StorageLimit {
  readonly project: number
  readonly bytes: number
}

// 0 is everything else, and small numbers are those that people choose.
const lowest = 0x10_00_00

/** The projects of one data root. Others on the same file system choose theirs from elsewhere, and leave used ones alone. */
export class Projects {
  readonly #directory: string
  readonly #used: () => Iterable<number>
  readonly #reserved = new Set<number>()
  readonly #first: number

  /** `directory` is that of all containers; `used` tells the projects of those there are. */
  constructor(directory: string, used: () => Iterable<number>) {
    this.#directory = directory
    this.#used = used
    this.#first = lowest + (createHash('sha256').update(directory).digest().readUInt32BE() & 0x3f_ff_ff_ff)
  }

  /** True if the file system counts and limits what projects take. */
  get supported(): boolean {
    using directory = openDirectory(this.#directory)
    return limitsProjects(directory)
  }

  /** Takes a project that nobody has, with this limit, until it is freed. Throws KernelError. */
  allocate(bytes: number): StorageLimit {
    using directory = openDirectory(this.#directory)
    const taken = new Set([...this.#used(), ...this.#reserved])
    let project = this.#first
    while (taken.has(project) || projectUsage(directory, project).files > 0n) project++
    limitProject(directory, project, bytes)
    this.#reserved.add(project)
    return { project, bytes }
  }

  /** Gives a project back; its files are gone, or about to be. Where quotas are off by now there is nothing to lift. */
  free({ project }: StorageLimit): void {
    this.#reserved.delete(project)
    using directory = openDirectory(this.#directory)
    if (limitsProjects(directory)) limitProject(directory, project, 0)
  }
}

/** The two directories of a container's own layer. */
interface OwnLayer {
  readonly upper: string
  readonly work: string
}

/**
 * Mounts a container's own layer by `mount` and limits it: what is written to these two directories from then on. Throws
 * system if the file system does not do that any more: without its limit the container must not run.
 */
export function mountLimited<T>(layer: OwnLayer, limit: StorageLimit, mount: () => T): T {
  // An overlay makes a directory when it is mounted; one that can't, of a layer that is full, would be read-only.
  limitLayer(layer, { ...limit, bytes: 0 })
  try {
    return mount()
  } finally {
    limitLayer(layer, limit)
  }
}

/** Limits a layer that is not mounted. Throws as `mountLimited` does. */
export function limitLayer({ upper, work }: OwnLayer, { project, bytes }: StorageLimit): void {
  try {
    using top = openDirectory(upper)
    using scratch = openDirectory(work)
    if (!limitsProjects(top)) throw system('project quotas are off')
    limitProject(top, project, bytes)
    // Files are moved from one to the other, which the kernel allows only within a project.
    for (const directory of [top, scratch]) assignProject(directory, project)
  } catch (error) {
    const reason = `${messageOf(error)}: mount the file system of the data root with project quotas (prjquota)`
    throw system(`cannot limit the container's storage: ${reason}`, { cause: error })
  }
}

const openDirectory = (path: string): Fd => openPath(path, constants.O_RDONLY | constants.O_DIRECTORY)
