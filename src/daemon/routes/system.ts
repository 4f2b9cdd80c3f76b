// Handlers of the operations on the engine itself.

import type { Writable } from 'node:stream'
import { type Handlers, json, stream } from '../../api/handler.ts'
import { encodeExact } from '../../api/json.ts'
import type { systemRoutes } from '../../api/routes/system.ts'
import type { ApiVersion } from '../../api/version.ts'
import type { Engine } from '../../container/engine.ts'
import { invalid } from '../../lib/errors.ts'
import type { Filters } from '../../lib/filters.ts'
import { writeChunk } from '../../lib/streams.ts'
import { pingHandlers } from '../http/ping.ts'
import { diskUsage } from '../disk-usage.ts'
import { type InfoSource, systemInfo, systemVersion } from '../info.ts'
import { credentialsOf } from './registry-auth.ts'
import { eventMatches, eventMessage, eventType } from './events.ts'

/** A handler for each operation on the engine. */
export function systemHandlers(engine: Engine, source: InfoSource): Pick<Handlers, keyof typeof systemRoutes> {
  return {
    ...pingHandlers,
    SystemVersion: async () => json(systemVersion(engine)),
    SystemInfo: async ({ version }) => json(await systemInfo(engine, source, version)),
    SystemDataUsage: async ({ query, version }) =>
      json(await diskUsage(engine, { types: query.type, verbose: query.verbose, version })),
    async SystemAuth({ body, signal }) {
      const { identityToken } = await engine.registries.login(credentialsOf(body), signal)
      return json({ IdentityToken: identityToken, Status: 'Login Succeeded' })
    },
    BuildPrune: async () => json({ CachesDeleted: null, SpaceReclaimed: 0 }),
    async SystemEvents({ query, version, headers }) {
      const { since, until } = query
      if (since !== undefined && until !== undefined && since > until) {
        throw invalid(`\`since\` time (${secondsOf(since)}) cannot be after \`until\` time (${secondsOf(until)})`)
      }
      const contentType = eventType(headers.accept)
      const mark = contentType === 'application/json-seq' ? '\u001E' : ''
      // 0 is no moment for dockerd either: all that is kept, and no more.
      const end = until === 0n ? engine.clock.now() : until
      const eventQuery = { since, until: end, filters: query.filters, version, mark }
      return stream({ contentType, write: (out, signal) => writeEvents(engine, eventQuery, out, signal) })
    },
  }
}

// As it was most likely written.
const secondsOf = (nanos: bigint) =>
  `${nanos / 1_000_000_000n}.${String(nanos % 1_000_000_000n).padStart(9, '0')}`.replace(/\.0+$/, '')

interface EventQuery {
  /** Nanoseconds since the epoch; undefined: from now on, or all that are kept if there is an end. */
  readonly since: bigint | undefined
  /** Undefined: for ever. */
  readonly until: bigint | undefined
  readonly filters: Filters
  readonly version: ApiVersion
  /** What comes before each. */
  readonly mark: string
}

async function writeEvents(engine: Engine, query: EventQuery, out: Writable, signal: AbortSignal): Promise<void> {
  const { until, filters, version, mark } = query
  const since = query.since ?? (until === undefined ? undefined : 0n)
  using deadline = until === undefined ? undefined : deadlineAt(engine, until)
  for await (const event of engine.events.follow(since, signal, deadline?.signal)) {
    if (until !== undefined && event.time > until) return
    if (eventMatches(event, filters)) await writeChunk(out, mark + encodeExact(eventMessage(event, version)), signal)
  }
}

// Timers take at most 2^31 milliseconds.
const longestDelay = 2 ** 31 - 1

/** A signal that is aborted at `moment`, in nanoseconds since the epoch. */
function deadlineAt({ clock }: Engine, moment: bigint): Disposable & { readonly signal: AbortSignal } {
  const over = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const wait = () => {
    const left = Number((moment - clock.now()) / 1_000_000n) + 1
    if (left <= 0) over.abort()
    else timer = setTimeout(wait, Math.min(left, longestDelay))
  }
  wait()
  return { signal: over.signal, [Symbol.dispose]: () => clearTimeout(timer) }
}
