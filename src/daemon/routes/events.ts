// Events as the Engine API writes them.

import type { EventMessage } from '../../api/types/events.ts'
import type { ApiVersion } from '../../api/version.ts'
import type { Filters } from '../../lib/filters.ts'
import type { EngineEvent } from '../../state/events.ts'

/** True if an event passes all filters; those that events don't have are ignored, as dockerd does. */
export function eventMatches(event: EngineEvent, filters: Filters): boolean {
  const action = event.action.split(':', 1)[0] ?? ''
  return (
    (filters.matchesExactly('event', event.action) || filters.matchesExactly('event', action)) &&
    filters.matchesExactly('type', event.type) &&
    filters.matchesExactly('scope', 'local') &&
    filters.matchesLabels('label', event.attributes) &&
    matchesActor(event, filters)
  )
}

function matchesActor(event: EngineEvent, filters: Filters): boolean {
  const name = event.attributes.name ?? ''
  const ofType = (type: 'container' | 'volume' | 'network' | 'daemon') =>
    !filters.has(type) ||
    (event.type === type && (filters.matchesPrefix(type, event.id) || filters.matchesExactly(type, name)))
  return (
    ofType('container') && ofType('volume') && ofType('network') && ofType('daemon') && matchesImage(event, filters)
  )
}

function matchesImage(event: EngineEvent, filters: Filters): boolean {
  if (!filters.has('image')) return true
  const image = (event.type === 'image' ? event.attributes.name : event.attributes.image) ?? ''
  const repository = image.replace(/:[^/:]*$/, '')
  return [event.type === 'image' ? event.id : image, image, repository].some(text =>
    filters.matchesExactly('image', text),
  )
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
