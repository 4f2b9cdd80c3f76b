// How much a layer may unpack to: an archive of a few megabytes can ask for any amount of disk and time.

import { invalid } from '../lib/errors.ts'

export interface UnpackLimits {
  /** Entries of one layer. */
  readonly maxEntries: number
  /** Bytes of all files of one layer, holes included. */
  readonly maxSize: number
  /** Bytes of a path inside a layer. */
  readonly maxPathLength: number
  readonly expansion: ExpansionBounds
}

/** How much more than its input the output of a decompression may be. */
export interface ExpansionBounds {
  /** Bytes of output that any input may have. */
  readonly free: number
  /** Bytes of output beyond that, for each byte of input. */
  readonly ratio: number
}

/** Several times what the largest images in use need; gzip can't exceed 1032, so only what was made to fill a disk does. */
export const defaultLimits: UnpackLimits = {
  maxEntries: 4_000_000,
  maxSize: 512 * 2 ** 30,
  maxPathLength: 4095,
  expansion: { free: 2 ** 30, ratio: 1100 },
}

/** For what whoever sends it could do without an archive as well. */
export const unlimited: UnpackLimits = {
  ...defaultLimits,
  maxEntries: Number.POSITIVE_INFINITY,
  maxSize: Number.POSITIVE_INFINITY,
  expansion: { free: Number.POSITIVE_INFINITY, ratio: Number.POSITIVE_INFINITY },
}

/** The keys of daemon.json by which the operator allows more. */
export const limitKeys = {
  maxEntries: 'image-layer-max-entries',
  maxSize: 'image-layer-max-size',
  ratio: 'image-layer-max-ratio',
} as const

/** The error that `problem` is beyond the limit called `name`. */
export const beyond = (name: keyof typeof limitKeys, problem: string): Error =>
  invalid(`${problem}: if it is to be trusted, raise ${limitKeys[name]} in daemon.json`)
