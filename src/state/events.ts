// What happened in the engine, as the Engine API's /events tells it: published once, kept, read by everyone who listens.

import type { Clock } from '../lib/clock.ts'
import { Notice } from '../lib/notice.ts'
import type { EngineEvent, EventType } from './event.ts'
import type { EventJournal } from './journal.ts'

type Listener = (event: EngineEvent) => void

/** How many of the latest are in memory as well, for those who keep up. */
const kept = 256

/** The engine's event bus. */
export class Events {
  readonly #clock: Clock
  readonly #journal: EventJournal | undefined
  readonly #recent: EngineEvent[] = []
  readonly #listeners = new Set<Listener>()
  readonly #observers = new Set<Listener>()
  readonly #published = new Notice<void>()
  #lastTime: bigint
  /** Everything after this moment is in `#recent`. */
  #recentFrom: bigint
  #readers = 0
  #count = 0

  /** Without a journal only the latest events are kept. */
  constructor(clock: Clock, journal?: EventJournal) {
    this.#clock = clock
    this.#journal = journal
    this.#lastTime = journal?.lastTime ?? 0n
    this.#recentFrom = this.#lastTime
  }

  /** Tells every listener; returns once all have been called. */
  publish(type: EventType, action: string, id: string, attributes: Record<string, string> = {}): void {
    const now = this.#clock.now()
    // The clock may be set back: the order stays that of what happened.
    const time = now > this.#lastTime ? now : this.#lastTime + 1n
    const event = { type, action, id, attributes, time }
    this.#lastTime = time
    this.#count++
    this.#recent.push(event)
    if (this.#recent.length > kept) this.#recentFrom = this.#recent.shift()?.time ?? this.#recentFrom
    this.#journal?.append(event)
    for (const listener of [...this.#listeners, ...this.#observers]) listener(event)
    this.#published.tell()
  }

  /** How many have been published since the daemon began. */
  get total(): number {
    return this.#count
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size + this.#readers
  }

  /** As listen, for a part of the engine, which is not counted among those who listen. */
  observe(listener: Listener): Disposable {
    this.#observers.add(listener)
    return { [Symbol.dispose]: () => void this.#observers.delete(listener) }
  }

  /** Calls `listener` for each event from now on, until the result is disposed of. */
  listen(listener: Listener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /**
   * The events from the moment `since` on, or from now on, and then each as it is published. Ends when `signal` is aborted,
   * and once all is told when `deadline` is. Whoever is slow reads from the journal later: nothing waits in memory.
   */
  async *follow(
    since: bigint | undefined,
    signal: AbortSignal,
    deadline: AbortSignal = signal,
  ): AsyncGenerator<EngineEvent, void> {
    let last = since === undefined ? this.#lastTime : since - 1n
    const ends = AbortSignal.any([signal, deadline])
    this.#readers++
    try {
      while (!signal.aborted) {
        const oldest = this.#recentFrom
        for await (const event of this.#after(last)) {
          last = event.time
          yield event
          if (signal.aborted) return
        }
        // What the journal could not keep, or no longer has, is not waited for.
        if (last < oldest) last = oldest
        if (last < this.#lastTime) continue
        if (ends.aborted) return
        await this.#published.next(ends).catch(() => undefined)
      }
    } finally {
      this.#readers--
    }
  }

  #after(last: bigint): Iterable<EngineEvent> | AsyncIterable<EngineEvent> {
    if (last < this.#recentFrom && this.#journal) return this.#journal.read(last)
    return this.#recent.filter(({ time }) => time > last)
  }
}
