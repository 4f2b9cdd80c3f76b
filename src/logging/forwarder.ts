// Sends what a container logs to its collector: from the log's files, from where it left off, until it is all there.

import { watch } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseTime } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { Notice } from '../lib/notice.ts'
import type { Channel } from './channel.ts'
import { MessageMaker, parseEntries } from './entry.ts'
import { LogFiles } from './log-files.ts'
import { PositionFile } from './position.ts'
import type { Sink } from './sink.ts'

/** Whose output goes where. */
export interface Forwarding {
  readonly container: string
  /** The newest of the log's files. */
  readonly path: string
  /** Where the position is kept. */
  readonly positionPath: string
  readonly sink: Sink
}

/** Messages that are encoded before they are sent: compressing many at once would keep the daemon from all else. */
const batchSize = 200
/** Milliseconds: the longest pause between two attempts to reach a collector. */
const longestPause = 10_000
/** Milliseconds that a container's removal waits for the rest of its output to be taken. */
const finishPatience = 10_000
/** Milliseconds of these that it waits for a collector that takes nothing; those before the removal count. */
const stallPatience = 3000

/**
 * Follows a container's log and sends it. What the collector has taken is remembered on disk, so that a daemon that comes
 * later goes on from there: each line is sent at least once, unless the log's bounds dropped it first.
 */
export class Forwarder {
  readonly #forwarding: Forwarding
  readonly #log: Log
  readonly #stop = new AbortController()
  readonly #changed = new Notice<void>()
  /** No more output will come. */
  #ended: boolean
  #over = false
  /** True once this session has found where the one before ended. */
  #resumed = true
  /** One more attempt, and no pauses. */
  #last = false
  /** Since when the collector has been asked to take something, by `performance.now()`. */
  #askedAt: number | undefined
  /** Resolves when it sends nothing more. */
  readonly #done: Promise<void>

  constructor(forwarding: Forwarding, running: boolean, log: Log) {
    this.#forwarding = forwarding
    this.#log = log
    this.#ended = !running
    this.#done = this.#run().finally(() => (this.#over = true))
  }

  /** Tells whether the container runs: without that, it ends once everything is sent. */
  set running(running: boolean) {
    this.#ended = !running
    this.#changed.tell()
  }

  /** True once it sends nothing more, whatever happens. */
  get isOver(): boolean {
    return this.#over
  }

  /**
   * Resolves when everything is sent, or the collector can't be reached or takes nothing, or after a while: the log is about
   * to go.
   */
  async finish(): Promise<void> {
    this.#ended = true
    this.#last = true
    this.#changed.tell()
    const limit = performance.now() + finishPatience
    while (!this.#over) {
      const now = performance.now()
      const rest = Math.min(limit, (this.#askedAt ?? now) + stallPatience) - now
      if (rest <= 0) break
      await Promise.race([this.#done, sleep(rest, undefined, { ref: false })])
    }
    if (!this.#over) this.#sayUnsent('it takes nothing, or too little')
    await this.close()
  }

  #sayUnsent(error: string) {
    const { container } = this.#forwarding
    this.#log.warn({ container, error }, 'output was left unsent: the log collector can’t be reached')
  }

  /** Stops where it is; another forwarder can go on. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#changed.tell()
    await this.#done
  }

  async #run(): Promise<void> {
    const { container, sink } = this.#forwarding
    let pause = sink.retryWait
    while (!this.#stop.signal.aborted) {
      try {
        const progress = () => (pause = sink.retryWait)
        await this.#session(progress)
        return
      } catch (error) {
        this.#askedAt = undefined
        if (this.#stop.signal.aborted) return
        if (this.#last) return this.#sayUnsent(messageOf(error))
        const cause = { container, error: messageOf(error) }
        if (pause === sink.retryWait) this.#log.warn(cause, 'the log collector can’t be reached: trying again')
        await this.#wait(pause)
        pause = Math.min(Math.max(2 * pause, 1), Math.max(longestPause, sink.retryWait))
      }
    }
  }

  async #wait(pause: number): Promise<void> {
    const hurried = new AbortController()
    const signal = AbortSignal.any([hurried.signal, this.#stop.signal])
    for (let rest = pause, before = performance.now(); rest > 0 && !this.#last; rest -= performance.now() - before) {
      before = performance.now()
      const woken = this.#changed.next(signal).catch(() => {})
      await Promise.race([woken, sleep(rest, undefined, { signal }).catch(() => {})])
      if (this.#stop.signal.aborted) break
    }
    hurried.abort()
  }

  // From the first message to the end of the log, or to a failure. Files and connection are held no longer.
  async #session(progress: () => void): Promise<void> {
    const { path, positionPath, sink } = this.#forwarding
    using opened = new DisposableStack()
    let channel: Channel | undefined
    using position = new PositionFile(positionPath)
    const { files, after } = await this.#open(position)
    this.#resumed = after === undefined
    await using _files = files
    const maker = new MessageMaker()
    using watcher = closing(watch(dirname(path), () => this.#changed.tell()))
    watcher.on('error', () => this.#stop.abort())
    for (;;) {
      const ended = this.#ended
      const change = this.#changed.next()
      for (let lines = await files.read(); lines.length > 0; lines = await files.read()) {
        channel ??= opened.use(await this.#asked(sink.open(this.#stop.signal)))
        const time = await this.#send(channel, maker, lines, after)
        this.#stop.signal.throwIfAborted()
        const place = files.place
        if (place && time !== undefined) position.save({ ...place, time })
        progress()
      }
      // Unless it was started again meanwhile.
      if (ended && this.#ended) {
        this.#over = true
        return
      }
      await change
      this.#stop.signal.throwIfAborted()
    }
  }

  // Files that were rotated and compressed are not found again by their place: then times tell where to go on.
  async #open(position: PositionFile): Promise<{ files: LogFiles; after: bigint | undefined }> {
    const { path } = this.#forwarding
    const saved = position.load()
    const files = await LogFiles.resume(path, saved)
    if (files) return { files, after: undefined }
    return { files: await LogFiles.open(path, undefined, true), after: saved && parseTime(saved.time) }
  }

  async #asked<T>(answer: Promise<T>): Promise<T> {
    this.#askedAt = performance.now()
    const taken = await answer
    this.#askedAt = undefined
    return taken
  }

  #sayDropped() {
    const { container } = this.#forwarding
    this.#log.warn({ container }, 'output was dropped before the log collector had it: it takes less than is written')
  }

  // Returns the time of the last entry.
  async #send(channel: Channel, maker: MessageMaker, lines: Buffer, after: bigint | undefined) {
    const messages: Buffer[] = []
    let last: string | undefined
    let skipped = this.#resumed
    for (const entry of parseEntries(lines)) {
      const message = maker.make(entry)
      if (!message) continue
      last = entry.time
      if (after !== undefined && message.time <= after) skipped = true
      else {
        if (!skipped) this.#sayDropped()
        skipped = true
        messages.push(...this.#forwarding.sink.encode(message))
      }
      if (messages.length >= batchSize) await this.#asked(channel.send(messages.splice(0)))
    }
    this.#resumed = skipped
    if (messages.length > 0) await this.#asked(channel.send(messages))
    return last
  }
}

const closing = <T extends { close(): void }>(object: T): T & Disposable =>
  Object.assign(object, { [Symbol.dispose]: () => object.close() })
