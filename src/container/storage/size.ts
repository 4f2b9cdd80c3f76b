// `--storage-opt size=` and the daemon's overlay2.size: what they mean, and whether it can be had.

import { invalid } from '../../lib/errors.ts'
import { parseSize } from '../../lib/size.ts'

/** What tells whether storage can be limited. */
interface Support {
  readonly supported: boolean
}

/** Bytes that a container's own layer may take; 0 for any number. Throws dockerd's errors. */
export function storageSize(
  asked: Readonly<Record<string, string>> | null | undefined,
  { otherwise, projects }: { otherwise: number; projects: Support },
): number {
  const options = Object.entries(asked ?? {})
  if (options.length === 0) return otherwise
  if (!projects.supported)
    throw invalid("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
  let size = otherwise
  for (const [name, value] of options) {
    if (name.toLowerCase() !== 'size') throw invalid(`Unknown option ${name.toLowerCase()}`)
    size = parseSize(value)
  }
  return size
}

/** Throws dockerd's error for a default size that the file system can't keep. */
export function checkDefaultSize(bytes: number, projects: Support): void {
  if (bytes > 0 && !projects.supported)
    throw invalid('Storage option overlay2.size not supported. Filesystem does not support Project Quota')
}

/** The size among the daemon's `storage-opts`, in bytes; 0 if there is none. Throws dockerd's errors. */
export function defaultSize(options: readonly string[]): number {
  let size = 0
  for (const option of options) {
    const at = option.indexOf('=')
    if (at < 0) throw invalid(`Unable to parse key/value option: ${option}`)
    const [name, value] = [option.slice(0, at).trim().toLowerCase(), option.slice(at + 1).trim()]
    if (name === 'overlay2.size') size = parseSize(value)
    // Of kernels that Gantry does not run on.
    else if (name !== 'overlay2.override_kernel_check') throw invalid(`overlay2: unknown option ${name}`)
  }
  return size
}
