// POST /commit: an image of a container's image and what the container has changed.

import type { ContainerConfig } from '../../api/types/container.ts'
import { applyChanges } from '../../image/changes.ts'
import { commitImage } from '../../image/commit.ts'
import { targetReference } from '../../image/tag.ts'
import { conflict } from '../../lib/errors.ts'
import type { Digest } from '../../oci/digest.ts'
import type { ExecutionConfig } from '../../oci/image-config.ts'
import { familiarReference } from '../../oci/reference.ts'
import type { Engine } from '../engine.ts'
import { containerEvent } from '../events.ts'
import { mergeConfig } from '../merge.ts'
import type { Container } from '../model.ts'
import { containerPaths } from '../paths.ts'
import { pausedFor } from '../pause.ts'

export interface CommitRequest {
  /** '' for an image without a name. */
  readonly repository: string
  readonly tag: string
  readonly author: string
  readonly comment: string
  /** Freeze the container meanwhile, so that its files are of one moment. */
  readonly pause: boolean
  /** Dockerfile instructions. */
  readonly changes: readonly string[]
  /** Instead of the container's own, which still fills what it leaves open. */
  readonly config: ContainerConfig | undefined
  readonly signal: AbortSignal
}

/**
 * Makes an image of the container as it is; returns its id. However it ends, the container runs on. Throws dockerd's errors,
 * and leaves nothing then.
 */
export async function commit(engine: Engine, container: Container, request: CommitRequest): Promise<Digest> {
  checkCommittable(engine, container)
  const name = targetReference(request.repository, request.tag)
  const config = configOf(container.definition.config, request)
  await using _paused = request.pause ? await pausedFor(engine, container) : undefined
  const id = await commitImage(engine.images, {
    parent: container.definition.imageId,
    layer: ownLayer(engine, container, request.signal),
    config,
    author: request.author,
    comment: request.comment,
    createdBy: (container.definition.config.Cmd ?? []).join(' '),
    check: () => checkCommittable(engine, container),
    name,
    signal: request.signal,
  })
  const imageRef = name ? familiarReference(name) : ''
  containerEvent(engine, container, 'commit', { comment: request.comment, imageID: id, imageRef })
  return id
}

function checkCommittable({ containers }: Pick<Engine, 'containers'>, container: Container): void {
  const { phase } = container.state
  if (phase === 'dead') throw conflict(`You cannot commit container ${container.id} which is Dead`)
  if (phase === 'removing' || containers.find(container.id) !== container)
    throw conflict(`You cannot commit container ${container.id} which is being removed`)
}

function configOf(own: ContainerConfig, { config = own, changes }: CommitRequest): ExecutionConfig {
  const changed = applyChanges(config as ExecutionConfig, changes) as ContainerConfig
  return mergeConfig(changed, own as ExecutionConfig) as ExecutionConfig
}

async function* ownLayer(
  engine: Engine,
  container: Container,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const task = engine.trees.begin({ kind: 'pack', upper: containerPaths(engine.settings, container.id).upper })
  const cancel = () => task.cancel()
  signal.addEventListener('abort', cancel)
  try {
    // A blob's bytes may be written after the next ones are asked for; the thread uses their memory again by then.
    for await (const piece of task.bytes()) yield Buffer.from(piece)
    await task.result
  } finally {
    signal.removeEventListener('abort', cancel)
    task.cancel()
  }
}
