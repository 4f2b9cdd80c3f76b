// Mounts that the engine prepares and the shim attaches in the bundle, where the runtime binds them from.

import { constants, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Fd } from '../../kernel/descriptor.ts'
import { statFd } from '../../kernel/files.ts'
import type { PlacedMount, ShimOptions } from '../../runtime/shim.ts'

/**
 * The detached mounts of one start. What a runtime binds by path could be another file by then, if a container can
 * rename it; a mount attached in the bundle can't. Disposing closes the engine's descriptors: the shim has its own.
 */
export class Placements implements Disposable {
  readonly #directory: string
  readonly #mounts: PlacedMount[] = []
  #joined: { readonly namespace: Fd; readonly path: string } | undefined

  /** `directory` is the bundle. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Takes `tree` over; returns where it will be once the shim has attached it. `name` has to be new. */
  place(tree: Fd, name = `mounts/${this.#mounts.length}`): string {
    this.#mounts.push({ tree, path: name })
    return this.#mountPoint(name, (statFd(tree).mode & constants.S_IFMT) === constants.S_IFDIR)
  }

  /** Takes `namespace` over, in which the directory mounted at `path` is to be shared; returns where it will be. */
  joinSharedMemory(namespace: Fd, path: string): string {
    this.#joined = { namespace, path }
    return this.#mountPoint('shm', true)
  }

  /** What the shim has to be told. */
  get shimOptions(): Pick<ShimOptions, 'mounts' | 'joinedShm'> {
    return { mounts: this.#mounts, ...(this.#joined && { joinedShm: this.#joined }) }
  }

  [Symbol.dispose](): void {
    for (const { tree } of this.#mounts) tree.close()
    this.#joined?.namespace.close()
  }

  #mountPoint(name: string, isDirectory: boolean): string {
    const path = join(this.#directory, name)
    mkdirSync(isDirectory ? path : dirname(path), { recursive: true, mode: 0o700 })
    if (!isDirectory) writeFileSync(path, '', { mode: 0o600 })
    return path
  }
}
