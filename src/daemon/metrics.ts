// Prometheus metrics on an address of their own, under dockerd's names.

import { once } from 'node:events'
import { cpus, release, totalmem } from 'node:os'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Answer, Handlers } from '../api/handler.ts'
import type { Engine } from '../container/engine.ts'
import { messageOf, system } from '../lib/errors.ts'
import { http } from '../lib/http.ts'
import type { Log } from '../lib/log.ts'
import { gantryVersion } from '../lib/version.ts'

/** Where to serve metrics. */
export interface MetricsAddress {
  readonly host: string
  readonly port: number
}

const prefix = 'engine_daemon_'

/** Operations whose time is measured, by dockerd's name for them. */
const actions: Partial<Record<keyof Handlers, string>> = {
  ContainerChanges: 'changes',
  ImageCommit: 'commit',
  ContainerCreate: 'create',
  ContainerDelete: 'delete',
  ContainerStart: 'start',
}

/** What the engine counts and measures for whoever scrapes it. */
export class Metrics implements AsyncDisposable {
  readonly #registry = new Registry()
  readonly #actions: Histogram
  readonly #undo = new AsyncDisposableStack()

  constructor(engine: Engine, engineId: string) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#actions = new Histogram({
      name: `${prefix}container_actions_seconds`,
      help: 'The number of seconds it takes to process each container action',
      labelNames: ['action'],
      registers,
    })
    for (const action of Object.values(actions)) this.#actions.zero({ action })
    this.#describe(engine, engineId)
    this.#countEvents(engine)
    this.#countHealthChecks(engine)
    this.#countContainers(engine)
  }

  #describe({ cgroups }: Engine, daemonId: string) {
    const registers = [this.#registry]
    const labels = {
      architecture: process.arch,
      commit: '',
      daemon_id: daemonId,
      graphdriver: 'overlay2',
      kernel: release(),
      os: 'linux',
      os_type: 'linux',
      os_version: cgroups.isUnified ? 'cgroup v2' : 'cgroup v1',
      version: gantryVersion(),
    }
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name: `${prefix}${name}`, help, labelNames, registers })
    gauge('engine_info', 'The information related to the engine and the OS it is running on', Object.keys(labels)).set(
      labels,
      1,
    )
    gauge('engine_cpus_cpus', 'The number of cpus that the host system of the engine has').set(cpus().length)
    gauge('engine_memory_bytes', 'The number of bytes of memory that the host system of the engine has').set(totalmem())
  }

  #countEvents({ events }: Engine) {
    const registers = [this.#registry]
    const total = new Counter({ name: `${prefix}events_total`, help: 'The number of events logged', registers })
    this.#undo.use(events.listen(() => total.inc()))
    const subscribers = new Gauge({
      name: `${prefix}events_subscribers_total`,
      help: 'The number of current subscribers to events',
      registers: [],
      collect() {
        this.set(events.listeners)
      },
    })
    this.#registry.registerMetric(subscribers)
  }

  #countHealthChecks({ health }: Engine) {
    const registers = [this.#registry]
    const { counts } = health
    const counter = (name: string, help: string, read: () => number) =>
      new Counter({
        name: `${prefix}${name}`,
        help,
        registers,
        collect() {
          this.reset()
          this.inc(read())
        },
      })
    counter('health_checks_total', 'The total number of health checks', () => counts.run)
    counter('health_checks_failed_total', 'The total number of failed health checks', () => counts.failed)
  }

  #countContainers({ containers }: Engine) {
    const states = new Gauge({
      name: `${prefix}container_states_containers`,
      help: 'The count of containers in various states',
      labelNames: ['state'],
      registers: [],
      collect() {
        const phases = containers.all().map(({ state }) => state.phase)
        const paused = phases.filter(phase => phase === 'paused').length
        const running = phases.filter(phase => phase === 'running').length
        this.set({ state: 'paused' }, paused)
        this.set({ state: 'running' }, running)
        this.set({ state: 'stopped' }, phases.length - paused - running)
      },
    })
    this.#registry.registerMetric(states)
  }

  /** The same handlers, with the time measured that the actions on containers take when they succeed. */
  timing<H extends Partial<Handlers>>(handlers: H): H {
    const timed = Object.entries(actions).flatMap(([id, action]) => {
      const handler = handlers[id as keyof Handlers] as ((call: unknown) => Promise<Answer>) | undefined
      return handler === undefined ? [] : [[id, this.#timed(handler, action)] as const]
    })
    return { ...handlers, ...Object.fromEntries(timed) }
  }

  #timed(handler: (call: unknown) => Promise<Answer>, action: string) {
    return async (call: unknown) => {
      const stop = this.#actions.startTimer({ action })
      const answer = await handler(call)
      stop()
      return answer
    }
  }

  /** Serves GET /metrics at `address`, to anyone who reaches it. Throws `system` if it cannot be bound. */
  async listen(address: MetricsAddress, log: Log): Promise<void> {
    const server = http.createServer((request, response) => {
      if (request.url?.split('?', 1)[0] !== '/metrics') return void response.writeHead(404).end('page not found\n')
      this.#registry.metrics().then(
        text => response.writeHead(200, { 'Content-Type': this.#registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
      )
    })
    this.#undo.defer(() => {
      server.close()
      server.closeAllConnections()
    })
    server.listen(address)
    try {
      await once(server, 'listening')
    } catch (cause) {
      throw system(`metrics cannot be served on ${address.host}:${address.port}: ${messageOf(cause)}`, { cause })
    }
    log.info({ ...address }, 'Metrics are served')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync()
  }
}
