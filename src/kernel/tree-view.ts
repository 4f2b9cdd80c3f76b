// A tree with other trees mounted in it, in a mount namespace where nobody else is: attached for as long as it is looked at.

import { constants } from 'node:fs'
import { type Fd, O_PATH, openPath } from './descriptor.ts'
import { hasCode } from './ffi.ts'
import { mkdirAt, openAt, statFd } from './files.ts'
import { currentMountNamespace, inMountNamespace } from './mount-namespace.ts'
import { attachMount, openTree, setMountAttributes, setPropagation, unmount } from './mount-tree.ts'
import { openBeneath, openInRoot } from './openat2.ts'

/** A detached tree and where it belongs. */
export interface ViewMount {
  readonly tree: Fd
  /** Clean and absolute, inside; made if it isn't there. */
  readonly destination: string
  /** What of the tree is mounted, relative to its root; '' for all. */
  readonly subpath: string
  readonly readonly: boolean
}

/** Both have to be closed; while the namespace is open, paths below `root` lead into what is mounted there. */
export interface TreeView {
  readonly namespace: Fd
  readonly root: Fd
}

/**
 * Attaches the detached `tree`, and `mounts` in it, in their order. `place` is an existing directory of the host that the
 * tree covers in the new namespace; with `readonly` the tree itself can't be written to there. Destinations are resolved
 * inside the tree, whatever links it has. Throws KernelError.
 */
export function assembleView(
  tree: Fd,
  mounts: readonly ViewMount[],
  { place, readonly }: { place: string; readonly: boolean },
): TreeView {
  return inMountNamespace('new', () => {
    using undo = new DisposableStack()
    setPropagation('/', 'private', { recursive: true })
    using parts = new DisposableStack()
    const whole = mounts.map(mount =>
      mount.subpath === '' ? mount : { ...mount, tree: parts.use(partOf(mount, place)) },
    )
    attachMount(tree, place)
    const root = undo.use(openPath(place, O_PATH | constants.O_DIRECTORY))
    for (const mount of whole) attachInside(root, mount)
    setPropagation(place, 'private', { recursive: true })
    if (readonly) setMountAttributes(root, { readonly })
    const namespace = currentMountNamespace()
    undo.move()
    return { namespace, root }
  })
}

/** A detached copy of the mount at `path` in `namespace`, without those below it, writable. Throws KernelError. */
export function cloneFrom(namespace: Fd, path: string | Fd): Fd {
  const tree = inMountNamespace(namespace, () => openTree(path, { clone: true }))
  try {
    // Whoever has it mounted may only read there.
    setMountAttributes(tree, { readonly: false })
    return tree
  } catch (error) {
    tree.close()
    throw error
  }
}

// A part of what is attached nowhere can't be had before Linux 6.15, so it is attached for a moment.
function partOf({ tree, subpath }: ViewMount, place: string): Fd {
  attachMount(tree, place)
  try {
    using whole = openPath(place)
    using inside = openBeneath(whole, subpath, O_PATH)
    return openTree(inside, { clone: true, recursive: true })
  } finally {
    unmount(place, { detach: true })
  }
}

function attachInside(root: Fd, { tree, destination, readonly }: ViewMount): void {
  using target = mountPoint(root, destination, isDirectory(tree))
  if (readonly) setMountAttributes(tree, { readonly, recursive: true })
  attachMount(tree, target)
}

const isDirectory = (file: Fd): boolean => (statFd(file).mode & constants.S_IFMT) === constants.S_IFDIR

function mountPoint(root: Fd, destination: string, directory: boolean): Fd {
  try {
    return openInRoot(root, destination, O_PATH)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  const parts = destination.split('/').filter(part => part !== '')
  for (let depth = 1; depth < parts.length + (directory ? 1 : 0); depth++) makeDirectory(root, parts.slice(0, depth))
  if (!directory) makeFile(root, parts)
  return openInRoot(root, destination, O_PATH)
}

const directoryFlags = constants.O_RDONLY | constants.O_DIRECTORY

function makeDirectory(root: Fd, parts: readonly string[]): void {
  using parent = openInRoot(root, `/${parts.slice(0, -1).join('/')}`, directoryFlags)
  try {
    mkdirAt(parent, parts.at(-1) ?? '', 0o755)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

function makeFile(root: Fd, parts: readonly string[]): void {
  using parent = openInRoot(root, `/${parts.slice(0, -1).join('/')}`, directoryFlags)
  openAt(parent, parts.at(-1) ?? '', constants.O_WRONLY | constants.O_CREAT, 0o644).close()
}
