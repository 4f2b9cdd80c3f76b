// Handlers of the operations on the engine itself.

import { setTimeout as delay } from 'node:timers/promises'
import type { Writable } from 'node:stream'
import { type Handlers, json, stream } from '../../api/handler.ts'
import { encodeExact } from '../../api/json.ts'
import type { systemRoutes } from '../../api/routes/system.ts'
import type { ApiVersion } from '../../api/version.ts'
import type { Engine } from '../../container/engine.ts'
import { invalid } from '../../lib/errors.ts'
import type { Filters } from '../../lib/filters.ts'
import type { EngineEvent } from '../../state/events.ts'
import { pingHandlers } from '../http/ping.ts'
import { diskUsage } from '../disk-usage.ts'
import { type InfoSettings, systemInfo, systemVersion } from '../info.ts'
import { eventMatches, eventMessage } from './events.ts'

/** A handler for each operation on the engine. */
export function systemHandlers(engine: Engine, settings: InfoSettings): Pick<Handlers, keyof typeof systemRoutes> {
  return {
    ...pingHandlers,
    SystemVersion: async () => json(systemVersion(engine)),
    SystemInfo: async () => json(systemInfo(engine, settings)),
    SystemDataUsage: async ({ query, version }) =>
      json(await diskUsage(engine, { types: query.type, verbose: query.verbose, version })),
    BuildPrune: async () => json({ CachesDeleted: null, SpaceReclaimed: 0 }),
    async SystemEvents({ query, version }) {
      const { since, until } = query
      if (since !== undefined && until !== undefined && since > until) {
        throw invalid('`since` cannot be newer than `until`')
      }
      return stream({
        contentType: 'application/json',
        write: (out, signal) => writeEvents(engine, { since, until, filters: query.filters, version }, out, signal),
      })
    },
  }
}

interface EventQuery {
  /** Nanoseconds since the epoch; undefined: from now on. */
  readonly since: bigint | undefined
  /** Undefined: for ever. */
  readonly until: bigint | undefined
  readonly filters: Filters
  readonly version: ApiVersion
}

// A client that doesn't read is let go of before what it missed fills the memory.
const longestQueue = 16 * 1024 * 1024

async function writeEvents(engine: Engine, query: EventQuery, out: Writable, signal: AbortSignal): Promise<void> {
  const { since, until, filters, version } = query
  const write = (event: EngineEvent) => {
    if (until !== undefined && event.time > until) return
    if (eventMatches(event, filters)) out.write(encodeExact(eventMessage(event, version)))
    if (out.writableLength > longestQueue) out.destroy()
  }
  using _listening = engine.events.listen(write)
  if (since !== undefined) for (const event of engine.events.recent()) if (event.time >= since) write(event)
  await untilMoment(engine, until, signal)
}

// Timers take at most 2^31 milliseconds.
const longestDelay = 2 ** 31 - 1

async function untilMoment(engine: Engine, until: bigint | undefined, signal: AbortSignal): Promise<void> {
  const left = () => (until === undefined ? longestDelay : Number((until - engine.clock.now()) / 1_000_000n) + 1)
  try {
    while (left() > 0) await delay(Math.min(left(), longestDelay), undefined, { signal })
  } catch {
    // The client is gone.
  }
}
