// The filters of `docker ps`.

import { invalid } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Filters } from '../lib/filters.ts'
import type { Engine } from './engine.ts'
import type { Container } from './model.ts'
import { networkName } from './network-settings.ts'
import { portMap } from './ports.ts'

type Test = (container: Container) => boolean
type Parts = Pick<Engine, 'containers' | 'images' | 'networks'>

const states = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead']
const healths = ['starting', 'healthy', 'unhealthy', 'none']

// One test per value; a container passes a filter if it passes for any of its values.
const tests: Readonly<Record<string, (parts: Parts, value: string) => Test>> = {
  status: (_, value) => {
    if (!states.includes(value)) throw invalid(`invalid filter 'status=${value}'`)
    return container => container.state.phase === value
  },
  exited: (_, value) => {
    const code = wholeNumber('exited', value)
    return container => container.state.exitCode === code && container.state.phase === 'exited'
  },
  ancestor: (parts, value) => {
    const image = parts.images.find(value)
    return container => image !== undefined && descendsFrom(parts, container, image)
  },
  before: (parts, value) => {
    const { createdAt } = parts.containers.get(value)
    return container => container.createdAt < createdAt
  },
  since: (parts, value) => {
    const { createdAt } = parts.containers.get(value)
    return container => container.createdAt > createdAt
  },
  volume: (_, value) => container =>
    container.definition.mounts.some(mount => [mount.name, mount.destination].includes(value)),
  network: (parts, value) => container => {
    const name = networkName(container)
    return name !== undefined && (name === value || parts.networks.idOf(name).startsWith(value))
  },
  publish: (_, value) => {
    const wanted = portRange('publish', value)
    const inRange = (bindings: { HostPort: string }[] | null) =>
      bindings?.some(({ HostPort }) => wanted.has(Number(HostPort))) === true
    return container => Object.values(portMap(container)).some(inRange)
  },
  expose: (_, value) => {
    const wanted = portRange('expose', value)
    // What is only declared, on a container that doesn't run, is not open.
    return container => Object.keys(portMap(container)).some(port => wanted.matches(port))
  },
  health: (_, value) => {
    if (!healths.includes(value)) throw invalid(`Unrecognised filter value for health: ${value}`)
    return ({ state }) => value === (state.health?.Status ?? 'none')
  },
}

const accepted = ['id', 'name', 'label', 'isolation', 'is-task', ...Object.keys(tests)]

/** The filters as one test. Throws dockerd's errors for an unknown filter or a bad value. */
export function containerFilter(parts: Parts, filters: Filters): Test {
  filters.validate(accepted)
  const task = filters.has('is-task') && filters.flag('is-task', false)
  const groups: Test[] = []
  for (const [name, make] of Object.entries(tests)) {
    if (!filters.has(name)) continue
    const choices = filters.get(name).map(value => make(parts, value))
    groups.push(container => choices.some(test => test(container)))
  }
  return container =>
    !task &&
    (filters.matchesPrefix('id', container.id) || filters.matches('id', container.id)) &&
    (filters.matches('name', container.name) || filters.matches('name', `/${container.name}`)) &&
    filters.matchesLabels('label', container.definition.config.Labels) &&
    groups.every(test => test(container))
}

function descendsFrom({ images }: Parts, container: Container, ancestor: Digest): boolean {
  let image = images.get(container.definition.imageId)
  while (image && image.id !== ancestor) image = image.parent && images.get(image.parent)
  return image !== undefined
}

function wholeNumber(key: string, value: string): number {
  if (/^-?\d+$/.test(value)) return Number(value)
  throw invalid(`invalid filter '${key}=${value}'`)
}

function portRange(key: string, value: string) {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(value)
  const [, first, last = first, protocol = 'tcp'] = match ?? []
  const digits = value.replace(/\/(tcp|udp|sctp)$/, '')
  const problem = match ? 'value out of range' : 'invalid syntax'
  if (!match || Number(last) > 65_535) {
    throw invalid(`error while looking up for ${key} ${value}: strconv.ParseUint: parsing "${digits}": ${problem}`)
  }
  const has = (port: number) => port >= Number(first) && port <= Number(last)
  const matches = (port: string) => {
    const [number, ofPort = 'tcp'] = port.split('/')
    return has(Number(number)) && protocol === ofPort
  }
  return { has, matches }
}
