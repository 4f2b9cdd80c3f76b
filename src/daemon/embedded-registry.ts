// The embedded registry beside the engine: a process of its own, so that neither waits for the other, started and ended with
// the daemon and started anew when it ends.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'

const program = fileURLToPath(new URL('../registry/main.ts', import.meta.url))

/** Milliseconds before it is started anew, the first time and at most; twice that with each end in a row. */
const firstDelay = 1000
const longestDelay = 60_000
/** What has run for so long did not fail at its start. */
const settledAfter = 30_000
/** How long it may take to end. */
const endTime = 10_000

export class EmbeddedRegistry implements AsyncDisposable {
  readonly #config: string
  readonly #log: Log
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = firstDelay
  #ended = false

  private constructor(config: string, log: Log) {
    this.#config = config
    this.#log = log
  }

  /** Starts it with the configuration file `config`; undefined if that is ''. What it says goes to the daemon's standard error. */
  static start(config: string, log: Log): EmbeddedRegistry | undefined {
    if (config === '') return undefined
    const registry = new EmbeddedRegistry(config, log)
    registry.#start()
    return registry
  }

  #start(): void {
    const began = Date.now()
    const args = [...process.execArgv, program, 'serve', `--config=${this.#config}`, '--with-parent']
    // Its input ends with this process, and it with that.
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] })
    this.#child = child
    const ended = (why: string) => {
      if (this.#child !== child) return
      this.#child = undefined
      if (this.#ended) return
      if (Date.now() - began > settledAfter) this.#delay = firstDelay
      this.#log.error({ config: this.#config }, `The registry ended: ${why}; starting it again in ${this.#delay} ms`)
      this.#timer = setTimeout(() => this.#start(), this.#delay)
      this.#delay = Math.min(2 * this.#delay, longestDelay)
    }
    child.once('error', error => ended(messageOf(error)))
    child.once('exit', (code, signal) => ended(signal ?? `exit status ${code}`))
    child.stdin?.on('error', () => {})
  }

  /** Has it read its configuration again. A signal would end one that is not yet ready for signals; its input waits. */
  reload(): void {
    this.#child?.stdin?.write('reload\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (!child) return
    const exit = once(child, 'exit')
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), endTime)
    await exit
    clearTimeout(late)
  }
}
