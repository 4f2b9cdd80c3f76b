// GET /containers/json: what `docker ps` shows.

import type { ContainerSummary } from '../api/types/container.ts'
import { parseTime } from '../lib/clock.ts'
import { humanDuration } from '../lib/duration.ts'
import type { Engine } from './engine.ts'
import { containerFilter } from './list-filters.ts'
import type { Container } from './model.ts'
import { endpointSettings } from './network-settings.ts'
import { portSummaries } from './ports.ts'
import { mountPoints } from './volumes.ts'
import type { Filters } from '../lib/filters.ts'

/** Which containers to list: all or the running ones, at most `limit` (0: no limit), and what the filters let through. */
export interface ListQuery {
  readonly all: boolean
  readonly limit: number
  readonly filters: Filters
  /** Say of each how healthy it is, as the API does since 1.52. */
  readonly health?: boolean
}

type Parts = Pick<Engine, 'containers' | 'images' | 'networks' | 'volumes' | 'clock'>

/** Newest first. Throws dockerd's errors for bad filters. */
export function list(engine: Parts, query: ListQuery): ContainerSummary[] {
  const matches = containerFilter(engine, query.filters)
  // Whoever asks for a state means stopped containers too.
  const all = query.all || query.limit > 0 || query.filters.has('status')
  const found = engine.containers.all().filter(container => (all || container.isActive) && matches(container))
  return (query.limit > 0 ? found.slice(0, query.limit) : found).map(container => ({
    ...summarize(engine, container),
    ...(query.health && { Health: healthSummary(container) }),
  }))
}

function summarize(engine: Parts, container: Container): ContainerSummary {
  const { definition, state } = container
  const { hostConfig } = definition
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: imageName(engine, container),
    ImageID: definition.imageId,
    Command: commandLine(definition.argv),
    Created: Math.floor(Number((parseTime(definition.created) ?? 0n) / 1_000_000_000n)),
    Ports: portSummaries(container),
    Labels: definition.config.Labels ?? {},
    State: state.phase,
    Status: statusText(container, engine.clock.now()),
    HostConfig: {
      NetworkMode: hostConfig.NetworkMode,
      ...(hostConfig.Annotations && { Annotations: hostConfig.Annotations }),
    },
    NetworkSettings: { Networks: endpointSettings(engine, container) },
    Mounts: mountPoints(engine, container),
  }
}

// The name it was made from, unless that means another image by now.
function imageName(engine: Parts, container: Container): string {
  const name = container.definition.config.Image
  return engine.images.find(name) === container.definition.imageId ? name : container.definition.imageId
}

function commandLine(argv: readonly string[]): string {
  return argv.map((word, index) => (index > 0 && word.includes(' ') ? `'${word}'` : word)).join(' ')
}

// One that doesn't run has none.
function healthSummary({ isRunning, state: { health } }: Container): ContainerSummary['Health'] {
  if (!isRunning || !health) return { Status: 'none', FailingStreak: 0 }
  return { Status: health.Status, FailingStreak: health.FailingStreak }
}

function healthText({ state: { health } }: Container): string {
  if (!health) return ''
  return health.Status === 'starting' ? ' (health: starting)' : ` (${health.Status})`
}

/** The status column: `Up 2 minutes (Paused)`, `Exited (0) 3 hours ago`, `Created`. `now` in nanoseconds. */
export function statusText(container: Container, now: bigint): string {
  const { phase, startedAt, finishedAt, exitCode } = container.state
  const since = (time: string) => humanDuration(Number(now - (parseTime(time) ?? now)) / 1e9)
  if (phase === 'paused') return `Up ${since(startedAt)} (Paused)`
  if (phase === 'running') return `Up ${since(startedAt)}${healthText(container)}`
  if (phase === 'restarting') return `Restarting (${exitCode}) ${since(finishedAt)} ago`
  if (phase === 'removing') return 'Removal In Progress'
  if (phase === 'dead') return 'Dead'
  if (phase === 'created') return 'Created'
  return `Exited (${exitCode}) ${since(finishedAt)} ago`
}
