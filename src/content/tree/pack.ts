// A container's own layer as the archive of an image layer: what overlayfs keeps as devices and attributes becomes names.

import type { Fd } from '../../kernel/descriptor.ts'
import { invalid } from '../../lib/errors.ts'
import { meaningOf, quote } from '../layer-path.ts'
import { isWhiteout } from '../layer-tree.ts'
import { formatHeader } from '../../lib/tar/writer.ts'
import { TreeArchive } from './archive.ts'
import { isOpaque } from './changes.ts'
import { type Found, isDirectory, walk } from './walk.ts'

/**
 * The archive of the layer `upper`, an overlay's upper directory opened for reading, in the order of names: the same layer
 * gives the same archive (OCI image-spec layer.md). Throws `invalid` for a file whose name would hide another.
 */
export function* packLayer(upper: Fd): Generator<Buffer, void, void> {
  const archive = new TreeArchive()
  for (const found of walk(upper)) {
    if (isWhiteout(found.stat)) {
      yield mark(`${found.path.slice(0, found.path.length - found.base.length)}.wh.${found.base}`, found)
      continue
    }
    checkName(found)
    yield* archive.entry(found, found.path)
    if (isDirectory(found.stat) && isOpaque(found)) yield mark(`${found.path}/.wh..wh..opq`, found)
  }
}

const second = 1_000_000_000n

const mark = (name: string, { stat: { mtimeNs } }: Found): Buffer =>
  formatHeader({ name, type: 'file', mode: 0o600, mtime: (mtimeNs / second) * second })

function checkName({ base, path }: Found): void {
  if (meaningOf([base]).kind === 'plain') return
  throw invalid(
    `cannot make a layer with ${quote(`/${path}`)}: names with .wh. at their beginning stand for what was deleted`,
  )
}
