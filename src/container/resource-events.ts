// What a container's start and end mean for the networks and volumes it uses, as events of theirs.

import type { Events } from '../state/events.ts'
import type { Container } from './model.ts'
import { networkName } from './network-settings.ts'

type Parts = { readonly events: Events; readonly networks: { idOf(name: string): string } }

/** `connect` before a start, `disconnect` after the end: of the network that the container is on by itself. */
export function networkEvent(engine: Parts, container: Container, action: 'connect' | 'disconnect'): void {
  const name = networkName(container)
  if (name === undefined) return
  const type = name === 'none' ? 'null' : name
  engine.events.publish('network', action, engine.networks.idOf(name), { container: container.id, name, type })
}

/** `mount` before a start, `unmount` after the end: of each volume among the container's mounts. */
export function volumeEvents(engine: Parts, container: Container, action: 'mount' | 'unmount'): void {
  for (const { type, name, driver, destination, propagation, rw } of container.definition.mounts) {
    if (type !== 'volume') continue
    const how = { destination, propagation, 'read/write': String(rw) }
    const attributes = { container: container.id, driver: driver || 'local', ...(action === 'mount' && how) }
    engine.events.publish('volume', action, name, attributes)
  }
}
