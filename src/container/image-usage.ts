// What the images need to know of containers: which they are made from.

import type { ImageUsage } from '../image/store.ts'
import type { ContainerStore } from './store.ts'

/** Answers for all containers the daemon knows. */
export function imageUsage(containers: ContainerStore): ImageUsage {
  return {
    usedBy: image =>
      containers
        .all()
        .filter(container => container.definition.imageId === image)
        .map(container => ({ id: container.id, running: container.isActive })),
    layersInUse: () => containers.all().flatMap(({ definition }) => definition.topLayer ?? []),
  }
}
