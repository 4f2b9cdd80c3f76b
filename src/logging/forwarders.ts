// All that is being sent to log collectors, by container.

import type { Log } from '../lib/log.ts'
import { fluentdSink } from './fluentd.ts'
import { Forwarder, type Forwarding } from './forwarder.ts'
import { gelfSink } from './gelf.ts'
import { journaldSink } from './journald.ts'
import type { Sink } from './sink.ts'
import type { LogOptions, LogSubject } from './subject.ts'
import { syslogSink } from './syslog.ts'

const sinks: Readonly<Record<string, (options: LogOptions, subject: LogSubject) => Sink>> = {
  fluentd: fluentdSink,
  gelf: gelfSink,
  journald: (options, subject) => journaldSink(options, subject),
  syslog: syslogSink,
}

/** The sink of a container's driver; undefined for one that sends nothing away. Throws invalid for bad options. */
export function sinkOf(driver: string, options: LogOptions, subject: LogSubject): Sink | undefined {
  return Object.hasOwn(sinks, driver) ? sinks[driver]?.(options, subject) : undefined
}

/** The forwarders of all containers that need one. */
export class Forwarders implements AsyncDisposable {
  readonly #all = new Map<string, Forwarder>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  /** Sends what the container has logged, and what it logs as long as it runs. */
  follow(forwarding: Forwarding, running: boolean): void {
    const { container } = forwarding
    const present = this.#all.get(container)
    if (present && !present.isOver) present.running = running
    else this.#all.set(container, new Forwarder(forwarding, running, this.#log))
  }

  /** The container has ended: what remains is sent in the background. */
  ended(container: string): void {
    const forwarder = this.#all.get(container)
    if (forwarder) forwarder.running = false
  }

  /** True if output of the container may still be on its way to a collector. */
  isSending(container: string): boolean {
    return this.#all.get(container)?.isOver === false
  }

  /** The container's log is about to be removed: waits, within bounds, for the rest to be sent. */
  async finish(container: string): Promise<void> {
    const forwarder = this.#all.get(container)
    this.#all.delete(container)
    await forwarder?.finish()
  }

  /** Stops all of them; a later daemon goes on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all.values()].map(forwarder => forwarder.close()))
  }
}
