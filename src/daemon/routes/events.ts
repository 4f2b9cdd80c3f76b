// Events as the Engine API writes them.

import type { EventMessage } from '../../api/types/events.ts'
import type { ApiVersion } from '../../api/version.ts'
import type { Filters } from '../../lib/filters.ts'
import type { EngineEvent } from '../../state/event.ts'

const actors = ['container', 'image', 'volume', 'network', 'daemon', 'plugin', 'node', 'service', 'secret', 'config']

/** True if an event passes all filters; those that events don't have are ignored, as dockerd does. */
export function eventMatches(event: EngineEvent, filters: Filters): boolean {
  return (
    matchesAction(event.action, filters) &&
    filters.matchesExactly('type', event.type) &&
    filters.matchesExactly('scope', 'local') &&
    filters.matchesLabels('label', event.attributes) &&
    actors.every(kind => matchesActor(event, kind, filters)) &&
    matchesImage(event, filters)
  )
}

// Some actions have a detail after a colon, which one need not give.
const detailed = ['health_status', 'exec_create', 'exec_start']

function matchesAction(action: string, filters: Filters): boolean {
  if (filters.matchesExactly('event', action)) return true
  return filters.get('event').some(value => detailed.includes(value)) && filters.matchesPrefix('event', action)
}

function matchesActor(event: EngineEvent, kind: string, filters: Filters): boolean {
  if (kind === 'image' || !filters.has(kind)) return true
  const { name = '' } = event.attributes
  return event.type === kind && (filters.matchesPrefix(kind, event.id) || filters.matchesPrefix(kind, name))
}

function matchesImage(event: EngineEvent, filters: Filters): boolean {
  if (!filters.has('image')) return true
  const image = (event.type === 'image' ? event.attributes.name : event.attributes.image) ?? ''
  return [event.id, withoutTag(event.id), image, withoutTag(image)].some(
    text => text !== '' && filters.matchesExactly('image', text),
  )
}

const withoutTag = (name: string) => name.replace(/:[^/:]*$/, '')

const contentTypes = ['application/json', 'application/jsonl', 'application/x-ndjson', 'application/json-seq']

/** Which form of a stream of events a client prefers, by its Accept header; JSON objects if it takes any. */
export function eventType(accept: string | undefined): string {
  const wanted = (accept ?? '').split(',').map(part => {
    const [type = '', ...parameters] = part.split(';').map(word => word.trim().toLowerCase())
    const quality = parameters.find(parameter => parameter.startsWith('q='))
    return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) }
  })
  const best = wanted
    .filter(({ type, quality }) => quality > 0 && contentTypes.includes(type))
    .toSorted((a, b) => b.quality - a.quality)
  return best[0]?.type ?? 'application/json'
}

/** An event in the shape that clients of `version` know. */
export function eventMessage(event: EngineEvent, version: ApiVersion): EventMessage {
  const repeated = !version.atLeast('1.52') && (event.type === 'container' || event.type === 'image')
  const from = event.type === 'container' ? event.attributes.image : undefined
  return {
    ...(repeated && { status: event.action, id: event.id, ...(from && { from }) }),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: 'local',
    time: Number(event.time / 1_000_000_000n),
    timeNano: event.time,
  }
}
