// Overlay mounts through mount(2) and its option string, for kernels before 6.7.

import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { system } from '../lib/errors.ts'
import { type Fd, openPath } from './descriptor.ts'
import { bind, check } from './ffi.ts'
import { bindMount, openTree, setPropagation, unmount } from './mount-tree.ts'
import { type OverlayOptions, directoriesOf, settingsOf } from './overlay-settings.ts'

const { mount } = bind({
  mount: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'pointer'], return: 'i32' },
})

/** Longest option string of mount(2): a page, less its NUL. */
const maxOptionBytes = 4095

/**
 * As mountOverlay, on any kernel with open_tree(2), but for fewer layers: GantryError when the option string overflows.
 * Directories are named by descriptor, which is short and needs no escapes.
 */
export function mountByOptionString(options: OverlayOptions): Fd {
  using opened = new DisposableStack()
  const byDescriptor = (path: string): string => opened.use(openPath(path)).path
  const parts = [`lowerdir=${options.lower.map(byDescriptor).join(':')}`]
  for (const [option, path] of directoriesOf(options)) parts.push(`${option}=${byDescriptor(path)}`)
  for (const [option, value] of settingsOf(options)) parts.push(value === undefined ? option : `${option}=${value}`)
  const text = parts.join(',')
  if (text.length > maxOptionBytes) throw tooMany(options.lower.length)
  return mountDetached(options.source ?? 'overlay', text)
}

const tooMany = (layers: number) =>
  system(`Cannot mount ${layers} layers: this kernel takes about 200 at once; Linux 6.7 or later takes 500`)

function mountDetached(source: string, options: string): Fd {
  return detachedAt(place => {
    check('mount', `overlay ${options}`, mount(source, place, 'overlay', 0n, options))
  })
}

/** A detached read-only copy of the mount at `path`, for kernels before 5.12, which change attached mounts only. */
export function readonlyCloneByMount(path: string): Fd {
  return detachedAt(place => bindMount(path, place, { readonly: true }))
}

// mount(2) knows attached mounts only: `attach` mounts at a place of its own for a moment, until the mount is copied.
function detachedAt(attach: (place: string) => void): Fd {
  const place = mkdtempSync(join(tmpdir(), 'gantry-overlay-'))
  try {
    attach(place)
    try {
      setPropagation(place, 'private')
      return openTree(place, { clone: true })
    } finally {
      unmount(place, { detach: true })
    }
  } finally {
    rmdirSync(place)
  }
}
