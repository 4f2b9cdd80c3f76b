// What containers tell the event bus: labels, image and name go with every event.

import type { Events } from '../state/events.ts'
import type { Container } from './model.ts'

/** Publishes `action` of a container, with `attributes` beside the usual ones. */
export function containerEvent(
  engine: { readonly events: Events },
  container: Container,
  action: string,
  attributes: Record<string, string> = {},
): void {
  const { Labels: labels, Image: image } = container.definition.config
  engine.events.publish('container', action, container.id, {
    ...labels,
    image: image ?? '',
    name: container.name,
    ...attributes,
  })
}
