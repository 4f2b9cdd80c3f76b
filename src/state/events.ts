// What happened in the engine, as the Engine API's /events tells it: published once, kept a while, sent to everyone who listens.

import type { Clock } from '../lib/clock.ts'

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder'

/** One event in the engine's own form; the route writes it as the Engine API's EventMessage. */
export interface EngineEvent {
  readonly type: EventType
  /** Docker's action name, such as `start`, or with a detail: `exec_create: sh -c true`. */
  readonly action: string
  /** Id or name of what it happened to. */
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  /** Nanoseconds since the Unix epoch. */
  readonly time: bigint
}

type Listener = (event: EngineEvent) => void

// As many as dockerd replays for `since`.
const kept = 256

/** The engine's event bus. */
export class Events {
  readonly #clock: Clock
  readonly #recent: EngineEvent[] = []
  readonly #listeners = new Set<Listener>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Tells every listener; returns once all have been called. */
  publish(type: EventType, action: string, id: string, attributes: Record<string, string> = {}): void {
    const event = { type, action, id, attributes, time: this.#clock.now() }
    this.#recent.push(event)
    if (this.#recent.length > kept) this.#recent.shift()
    for (const listener of this.#listeners) listener(event)
  }

  /** The kept events, oldest first. */
  recent(): readonly EngineEvent[] {
    return this.#recent
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size
  }

  /** Calls `listener` for each event from now on, until the result is disposed of. */
  listen(listener: Listener): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}
