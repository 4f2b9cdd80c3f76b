// What the registry asks of the place where it keeps its content: objects by key, as disks and object stores have them.

import type { Readable } from 'node:stream'

/** Part of an object: from `start` up to and with `end`, in bytes. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * Objects by key. A key is a relative path of checked components. An object is there completely or not at all, and what
 * has been written is durable when the call resolves.
 */
export interface Storage {
  /** Bytes; undefined if there is no such object. */
  size(key: string): Promise<number | undefined>
  /** When the object, or one that is being received, was last written, in milliseconds since the epoch; undefined if there is none. */
  modified(key: string): Promise<number | undefined>
  /** The object or a part of it. The caller has asked for its size. */
  open(key: string, range?: ByteRange): Readable
  /** All of a small object; undefined if there is none. */
  read(key: string): Promise<Buffer | undefined>
  /** Writes a small object, in place of any that was there. */
  write(key: string, content: Uint8Array): Promise<void>
  /** Removes an object; false if there was none. */
  remove(key: string): Promise<boolean>
  /** Names directly below `prefix`, in no order; none if there is nothing. */
  list(prefix: string): Promise<readonly string[]>
  /** Adds to the end of an object that is being received, and returns its size in bytes. */
  append(key: string, source: AsyncIterable<Uint8Array>): Promise<number>
  /** Makes what was received an object under another key. What was there under that key may stay: it is the same. */
  promote(from: string, to: string): Promise<void>
}
