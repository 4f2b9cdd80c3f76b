// How much a layer may unpack to: an archive of a few megabytes can ask for any amount of disk and time.

export interface UnpackLimits {
  /** Entries of one layer. */
  readonly maxEntries: number
  /** Bytes of all files of one layer, holes included. */
  readonly maxSize: number
  /** Bytes of a path inside a layer. */
  readonly maxPathLength: number
}

/** Several times what the largest images in use need. */
export const defaultLimits: UnpackLimits = { maxEntries: 4_000_000, maxSize: 512 * 2 ** 30, maxPathLength: 4095 }
