// Everything about mounts in one place: new file systems as detached trees, and what can be done to a tree.

export * from './mount-tree.ts'
export { mountOverlay } from './overlay.ts'
export type { OverlayOptions } from './overlay-settings.ts'
export { mountTmpfs } from './tmpfs.ts'
export { type IdView, mappedTree, mountMappedOverlay } from './overlay-mapped.ts'
