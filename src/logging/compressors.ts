// The logs whose rotated files are compressed, by container.

import { type FSWatcher, watch } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { compressRotated, removeParts } from './compressor.ts'

/** One log: watched, and compressed one file after the other. */
class Compressor {
  readonly #path: string
  readonly #log: Log
  readonly #stop = new AbortController()
  #watcher: FSWatcher | undefined
  #work: Promise<void> | undefined
  #again = false

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
    removeParts(path)
  }

  /** The log is written from now on. */
  begin() {
    this.#unwatch()
    // A rotation is renames. What can no longer be watched has gone with its container.
    const watcher = watch(dirname(this.#path), kind => kind === 'rename' && this.#wake())
    watcher.on('error', () => watcher.close())
    this.#watcher = watcher
    this.#wake()
  }

  #wake() {
    this.#again = true
    this.#work ??= this.#run().finally(() => (this.#work = undefined))
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stop.signal.aborted) {
      this.#again = false
      try {
        await compressRotated(this.#path, this.#stop.signal)
      } catch (error) {
        this.#log.warn({ path: this.#path, error: messageOf(error) }, 'a log file could not be compressed')
      }
    }
  }

  /** Nothing more will be rotated: what there is is still compressed. */
  end() {
    this.#unwatch()
    // The last rotation may not have been told of.
    this.#wake()
  }

  #unwatch() {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  async close(): Promise<void> {
    this.#unwatch()
    this.#stop.abort()
    await this.#work
  }
}

/** Compresses the rotated files of logs that are written. */
export class Compressors implements AsyncDisposable {
  readonly #all = new Map<string, Compressor>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Compresses what was rotated of the container's log and, while it runs, what will be. */
  follow(container: string, path: string, running: boolean): void {
    const compressor = this.#all.get(container) ?? new Compressor(path, this.#log)
    this.#all.set(container, compressor)
    if (running) compressor.begin()
    else compressor.end()
  }

  /** The container has ended. */
  ended(container: string): void {
    this.#all.get(container)?.end()
  }

  /** The container's log is about to be removed. */
  async forget(container: string): Promise<void> {
    const compressor = this.#all.get(container)
    this.#all.delete(container)
    await compressor?.close()
  }

  /** Stops; what is half compressed is begun anew by a later daemon. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all.values()].map(compressor => compressor.close()))
  }
}
