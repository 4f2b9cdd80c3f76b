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
export interface Storage extends AsyncDisposable {
  /** Whether other processes may serve from it at the same time. */
  readonly isShared: boolean
  /** Bytes; undefined if there is no such object. */
  size(key: string): Promise<number | undefined>
  /** When the object was last written, in milliseconds since the epoch; undefined if there is none. */
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
  /** What has come of an object that is being received; undefined if none is under that key. */
  received(key: string): Promise<Received | undefined>
  /**
   * Adds to what is being received, which is `after`; without that, begins. What came before a failure of `source` is kept.
   */
  append(key: string, source: AsyncIterable<Uint8Array>, after: Received | undefined): Promise<Received>
  /** The bytes that have come. Fails if it is no longer what it was. */
  openReceived(key: string, received: Received): AsyncIterable<Uint8Array>
  /** Some of the bytes that have come, where they can be read while others come. */
  openPart?(key: string, range: ByteRange): AsyncIterable<Buffer>
  /**
   * Makes what was received an object under another key, and ends the receiving. What was there under that key may stay: it is
   * the same. Fails if it is no longer what it was.
   */
  promote(key: string, received: Received, to: string): Promise<void>
  /** Gives up what is being received; false if there is nothing. */
  discard(key: string): Promise<boolean>
  /**
   * Where others remove content as well: ends what was removed before that time, in milliseconds since the epoch, for good, and
   * brings back what is wanted after all.
   */
  expireRemoved?(before: number, isWanted: (key: string) => boolean): Promise<void>
}

/** The state of what is being received. */
export interface Received {
  /** Bytes. */
  readonly size: number
  /** Tells bytes apart that came by other ways, if that can be: two states with the same mark have the same bytes. */
  readonly mark: string
  /** When something came last, in milliseconds since the epoch. */
  readonly modified: number
}
