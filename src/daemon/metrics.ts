// Prometheus metrics on an address of their own, under dockerd's names.

import { once } from 'node:events'
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Answer, Handlers } from '../api/handler.ts'
import type { SystemInfo } from '../api/types/system.ts'
import type { Engine } from '../container/engine.ts'
import { messageOf, system } from '../lib/errors.ts'
import { http } from '../lib/http.ts'
import type { Log } from '../lib/log.ts'

/** Where to serve metrics. */
export interface MetricsAddress {
  /** '' for every address. */
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

type Handler = (call: unknown) => Promise<Answer>

const timedBy =
  (begin: () => () => void, handler: Handler): Handler =>
  async call => {
    const stop = begin()
    const answer = await handler(call)
    stop()
    return answer
  }

/** What the engine counts and measures for whoever scrapes it. */
export class Metrics implements AsyncDisposable {
  readonly #registry = new Registry()
  readonly #actions: Histogram
  readonly #hostInfo: Histogram
  readonly #undo = new AsyncDisposableStack()

  /** `info` is what `docker info` shows of the engine. */
  constructor(engine: Engine, info: SystemInfo) {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#actions = new Histogram({
      name: `${prefix}container_actions_seconds`,
      help: 'The number of seconds it takes to process each container action',
      labelNames: ['action'],
      registers,
    })
    for (const action of Object.values(actions)) this.#actions.zero({ action })
    this.#hostInfo = new Histogram({
      name: `${prefix}host_info_functions_seconds`,
      help: 'The number of seconds it takes to call functions gathering info about the host',
      labelNames: ['function'],
      registers,
    })
    this.#timeNetworks(engine)
    this.#describe(info)
    this.#countEvents(engine)
    this.#countHealthChecks(engine)
    this.#countContainers(engine)
  }

  #describe(info: SystemInfo) {
    const registers = [this.#registry]
    const labels = {
      architecture: info.Architecture,
      commit: '',
      daemon_id: info.ID,
      graphdriver: info.Driver,
      kernel: info.KernelVersion,
      os: info.OperatingSystem,
      os_type: info.OSType,
      os_version: info.OSVersion,
      version: info.ServerVersion,
    }
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name: `${prefix}${name}`, help, labelNames, registers })
    gauge('engine_info', 'The information related to the engine and the OS it is running on', Object.keys(labels)).set(
      labels,
      1,
    )
    gauge('engine_cpus_cpus', 'The number of cpus that the host system of the engine has').set(info.NCPU)
    gauge('engine_memory_bytes', 'The number of bytes of memory that the host system of the engine has').set(
      info.MemTotal,
    )
  }

  #timeNetworks({ networks }: Engine) {
    const seconds = new Histogram({
      name: `${prefix}network_actions_seconds`,
      help: 'The number of seconds it takes to process each network action',
      labelNames: ['action'],
      registers: [this.#registry],
    })
    networks.observe((action, took) => {
      seconds.observe({ action }, took)
      // dockerd's name for connecting all networks of a container: here that is one.
      if (action === 'connect') seconds.observe({ action: 'allocate' }, took)
    })
  }

  #countEvents({ events }: Engine) {
    this.#counter('events_total', 'The number of events logged', () => events.total)
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

  #countHealthChecks({ health: { counts } }: Engine) {
    this.#counter('health_checks_total', 'The total number of health checks', () => counts.run)
    // As with dockerd: those that could not be run, not those that found something wrong.
    this.#counter('health_checks_failed_total', 'The total number of failed health checks', () => counts.failed)
  }

  // Counted elsewhere, read when somebody scrapes.
  #counter(name: string, help: string, read: () => number) {
    const counter = new Counter({
      name: `${prefix}${name}`,
      help,
      registers: [],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
    this.#registry.registerMetric(counter)
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

  /** The same handlers, with the time measured that info and the actions on containers take when they succeed. */
  timing<H extends Partial<Handlers>>(handlers: H): H {
    const actionTimers = Object.entries(actions).map(
      ([id, action]) => [id, () => this.#actions.startTimer({ action })] as const,
    )
    const infoTimer = ['SystemInfo', () => this.#hostInfo.startTimer({ function: 'system_info' })] as const
    const timed = [infoTimer, ...actionTimers].flatMap(([id, begin]) => {
      const handler = handlers[id as keyof Handlers] as Handler | undefined
      return handler === undefined ? [] : [[id, timedBy(begin, handler)] as const]
    })
    return { ...handlers, ...Object.fromEntries(timed) }
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
    // Such as too many open files: no reason for the daemon to end.
    server.on('error', error => log.error({ err: error }, 'The listener for metrics failed'))
    log.info({ ...address }, 'Metrics are served')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync()
  }
}
