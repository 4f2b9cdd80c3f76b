// One look a second at each container that someone watches, shared by all who do; none when nobody does.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerStats } from '../../api/types/stats.ts'
import { formatTime, zeroTime } from '../../lib/clock.ts'
import { cgroupOf } from '../cgroup.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { measureV1 } from './cgroup-v1.ts'
import { measureV2 } from './cgroup-v2.ts'
import { readCounters } from './counters.ts'
import { hostCpu, hostMemory, networksOf } from './host.ts'
import { type Measurement, emptyMeasurement } from './measurement.ts'

type Parts = Pick<Engine, 'settings' | 'cgroups' | 'clock' | 'log'>
type Listener = (sample: ContainerStats) => void

// Milliseconds.
const period = 1000
// Milliseconds of work after which others get their turn.
const longestTurn = 10

/** The statistics of a container that doesn't run. */
export function emptyStats(container: Container): ContainerStats {
  return shape(container, emptyMeasurement(), zeroTime)
}

function shape(container: Container, measured: Measurement, read: string): ContainerStats {
  return {
    name: `/${container.name}`,
    id: container.id,
    read,
    preread: zeroTime,
    pids_stats: measured.pids,
    blkio_stats: measured.blkio,
    num_procs: 0,
    storage_stats: {},
    cpu_stats: measured.cpu,
    precpu_stats: emptyMeasurement().cpu,
    memory_stats: measured.memory,
  }
}

interface Watch {
  readonly listeners: Set<Listener>
  readonly timer: NodeJS.Timeout
  latest: ContainerStats
}

/** Samples containers while they are watched. */
export class Sampler {
  readonly #parts: Parts
  readonly #memory = hostMemory()
  readonly #watched = new Map<Container, Watch>()
  readonly #due = new Set<Container>()
  readonly #files = new Map<string, ReadonlySet<string>>()
  #isDraining = false
  #host = hostCpu()
  #hostReadAt = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** How many containers are watched. */
  get size(): number {
    return this.#watched.size
  }

  /**
   * Calls `listener` with the latest sample of `container`, taken now if nobody else watches it, and with each from then
   * on, one a second, until the result is disposed of.
   */
  watch(container: Container, listener: Listener): Disposable {
    const watch = this.#watched.get(container) ?? this.#begin(container)
    watch.listeners.add(listener)
    listener(watch.latest)
    return { [Symbol.dispose]: () => this.#leave(container, watch, listener) }
  }

  #begin(container: Container): Watch {
    const timer = setInterval(() => this.#ask(container), period)
    const watch = { listeners: new Set<Listener>(), timer, latest: this.#tolerantly(container) }
    this.#watched.set(container, watch)
    return watch
  }

  #leave(container: Container, watch: Watch, listener: Listener) {
    if (!watch.listeners.delete(listener) || watch.listeners.size > 0) return
    clearInterval(watch.timer)
    this.#watched.delete(container)
    this.#due.delete(container)
  }

  // Thousands may be due at once: requests are served in between.
  #ask(container: Container) {
    this.#due.add(container)
    if (this.#isDraining) return
    this.#isDraining = true
    setImmediate(() => this.#drain())
  }

  #drain() {
    const end = performance.now() + longestTurn
    for (const container of this.#due) {
      if (performance.now() > end) break
      this.#due.delete(container)
      const watch = this.#watched.get(container)
      if (watch) this.#take(container, watch)
    }
    this.#isDraining = this.#due.size > 0
    if (this.#isDraining) setImmediate(() => this.#drain())
  }

  #take(container: Container, watch: Watch) {
    watch.latest = this.#tolerantly(container)
    for (const listener of watch.listeners) listener(watch.latest)
  }

  #tolerantly(container: Container): ContainerStats {
    try {
      return this.sample(container)
    } catch (error) {
      this.#parts.log.warn({ container: container.id, error }, 'the statistics of a container could not be read')
      return emptyStats(container)
    }
  }

  /** One look at a container, without what was before it. */
  sample(container: Container): ContainerStats {
    const host = this.#hostNow()
    const measured = container.isRunning ? this.#measure(container, host.online) : undefined
    if (!measured) return emptyStats(container)
    const { memory } = measured
    if (memory.limit !== undefined && memory.limit > this.#memory) memory.limit = this.#memory
    const stats = shape(container, measured, formatTime(this.#parts.clock.now()))
    stats.cpu_stats.system_cpu_usage = host.system
    stats.cpu_stats.online_cpus = host.online
    if (container.definition.config.NetworkDisabled) return stats
    const networks = networksOf(container.state.pid)
    return Object.keys(networks).length > 0 ? { ...stats, networks } : stats
  }

  // It takes long to read where there are many processors.
  #hostNow() {
    const now = performance.now()
    if (now - this.#hostReadAt > longestTurn) {
      this.#host = hostCpu()
      this.#hostReadAt = now
    }
    return this.#host
  }

  // All control groups of a hierarchy of version 1 have the same files. To look for those that aren't there takes long.
  #lacks(controller: string, directory: string, name: string): boolean {
    let files = this.#files.get(controller)
    if (!files && existsSync(directory)) {
      files = new Set(readdirSync(directory))
      // One that is being removed has none.
      if (files.size > 0) this.#files.set(controller, files)
    }
    return files?.has(name) === false
  }

  #measure(container: Container, cpus: number): Measurement | undefined {
    const cgroup = this.#parts.cgroups.at(cgroupOf(this.#parts, container))
    const { isUnified } = this.#parts.cgroups
    const read = (controller: string, name: string) => {
      const directory = cgroup.directory(controller)
      if (directory === undefined || (!isUnified && this.#lacks(controller, directory, name))) return undefined
      return readCounters(join(directory, name))
    }
    return isUnified ? measureV2(name => read('unified', name)) : measureV1(read, cpus)
  }
}
