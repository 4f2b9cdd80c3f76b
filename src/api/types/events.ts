// Events of the engine.

export type EventType = 'builder' | 'container' | 'daemon' | 'image' | 'network' | 'plugin' | 'volume'

/** One event. `status`, `id` and `from` repeat others for containers and images on API < 1.52. */
export interface EventMessage {
  status?: string
  id?: string
  from?: string
  Type: EventType
  Action: string
  Actor: { ID: string; Attributes: Record<string, string> }
  scope?: 'local' | 'swarm'
  /** Seconds since the epoch. */
  time?: number
  /** Nanoseconds since the epoch. A bigint, since a double does not hold it: write it with `encodeExact` of src/api/json.ts. */
  timeNano?: bigint
}
