// What an overlay mount is asked to be, and the overlayfs options that say so. The kernel's overlayfs.rst.

/** What an overlay is made of: trusted paths of the host. */
export interface OverlayOptions {
  /** Read-only layers, the topmost first. */
  readonly lower: readonly string[]
  /** The writable layer; without it the mount is read-only. */
  readonly upper?: string
  /** An empty directory on the file system of `upper`. */
  readonly work?: string
  /** Never sync the upper layer: for what a crash may lose. The kernel refuses these directories for any later mount. */
  readonly volatile?: boolean
  /** The source shown in mountinfo. */
  readonly source?: string
}

/** The options that name a directory, with it. */
export function directoriesOf({ upper, work }: OverlayOptions): [option: string, path: string][] {
  const directories: [string, string][] = []
  if (upper !== undefined) directories.push(['upperdir', upper])
  if (work !== undefined) directories.push(['workdir', work])
  return directories
}

/**
 * The other options. No index, redirects or metadata-only copies, so that an upper layer can be read as a layer of its own;
 * nor are redirects followed that an image may have brought along.
 */
export function settingsOf({ volatile }: OverlayOptions): [option: string, value?: string][] {
  const settings: [string, string?][] = [
    ['index', 'off'],
    ['metacopy', 'off'],
    ['redirect_dir', 'nofollow'],
  ]
  return volatile ? [...settings, ['volatile']] : settings
}
