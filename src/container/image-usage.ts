// What the images need to know of containers: which they are made from.

import type { ImageUsage } from '../image/store.ts'
import type { Definition } from './model.ts'
import type { ContainerStore } from './store.ts'

/** Answers for all containers the daemon knows: an image that is mounted is used as much as one that runs. */
export function imageUsage(containers: ContainerStore): ImageUsage {
  return {
    usedBy: image =>
      containers
        .all()
        .filter(({ definition }) => definition.imageId === image || imagesOf(definition).some(({ id }) => id === image))
        .map(container => ({ id: container.id, running: container.isActive })),
    layersInUse: () =>
      containers
        .all()
        .flatMap(({ definition }) => [definition, ...imagesOf(definition)].flatMap(({ topLayer }) => topLayer ?? [])),
  }
}

const imagesOf = ({ mounts }: Definition) => mounts.flatMap(({ image }) => image ?? [])
