// An event in the engine's own form.

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'builder'

/** One event in the engine's own form; the route writes it as the Engine API's EventMessage. */
export interface EngineEvent {
  readonly type: EventType
  /** Docker's action name, such as `start`, or with a detail: `exec_create: sh -c true`. */
  readonly action: string
  /** Id or name of what it happened to. */
  readonly id: string
  readonly attributes: Readonly<Record<string, string>>
  /** Nanoseconds since the Unix epoch; no two events have the same. */
  readonly time: bigint
}
