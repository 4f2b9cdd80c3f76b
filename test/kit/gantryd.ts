// gantryd under test: started from this checkout, killed and started again, and checked for leaks at the end.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { removeCgroups } from './cgroups.ts'
import { Engine, emptyConfiguration } from './engine.ts'
import { type Footprint, footprint, differences } from './leaks.ts'
import type { NetworkNamespace } from './netns.ts'
import { allPids, processesMentioning } from './processes.ts'
import type { TemporaryDirectory } from './temporary.ts'
import { testBridgeAddress } from './dockerd.ts'
import { until } from './until.ts'

export interface GantrydOptions {
  /** Further flags. */
  readonly flags?: readonly string[]
  /** What starts the daemon, such as a service manager: before its command, once its own directory is there. */
  readonly launcher?: (directory: string) => readonly string[]
  /** A data root of the test's making. Default: a new directory. */
  readonly dataRoot?: string
  /** False for a test that must leave something behind. Default true. */
  readonly checkLeaks?: boolean
  /** Another engine's, to run beside it. Default: a new one. */
  readonly namespace?: NetworkNamespace
  /** The bridge's address. Default: the one that dockerd has under test. */
  readonly bip?: string
}

const program = join(import.meta.dirname, '../../bin/gantryd')

export class Gantryd extends Engine {
  readonly name = 'gantryd'
  readonly #options: GantrydOptions
  #baseline: Footprint | undefined

  static async start(options: GantrydOptions = {}): Promise<Gantryd> {
    const engine = new Gantryd(...(await Engine.place('gantryd', options.namespace)), options)
    mkdirSync(engine.scratch)
    emptyConfiguration(engine.directory)
    await engine.launch(engine.argv)
    engine.#baseline = engine.footprint()
    return engine
  }

  private constructor(temporary: TemporaryDirectory, namespace: NetworkNamespace, options: GantrydOptions) {
    super(temporary, namespace, options.dataRoot)
    this.#options = options
  }

  /** The command that starts this daemon. */
  get argv(): string[] {
    return [
      ...(this.#options.launcher?.(this.directory) ?? []),
      program,
      `--host=unix://${this.socket}`,
      `--data-root=${this.dataRoot}`,
      `--exec-root=${this.execRoot}`,
      `--pidfile=${join(this.directory, 'pid')}`,
      `--config-file=${this.configuration}`,
      `--cgroup-parent=/${this.cgroupParent}`,
      `--bip=${this.#options.bip ?? testBridgeAddress}`,
      ...(this.#options.flags ?? []),
    ]
  }

  /** Its configuration file: at first an empty object. */
  get configuration(): string {
    return join(this.directory, 'daemon.json')
  }

  /** Its containers' control groups are below this one. */
  get cgroupParent(): string {
    return `gantry-test-${this.directory.split('-').at(-1)}`
  }

  /** Kills the daemon as a crash would, and waits until it is gone. */
  async kill9(): Promise<void> {
    this.daemon.kill('SIGKILL')
    await this.daemon.result
  }

  /** Waits until the daemon, killed by something else, is gone. */
  async killed(): Promise<void> {
    await this.daemon.finish(5000)
  }

  /** Starts the daemon again on the same roots. It must not be running. */
  async start(): Promise<void> {
    await this.launch(this.argv)
  }

  /** What the engine holds now. */
  footprint(): Footprint {
    return footprint({ ...this, cgroupParent: this.cgroupParent, pid: this.pid })
  }

  /** Waits until the engine holds nothing that it did not hold at `before`; rejects with what is left. */
  async settles(before: Footprint | undefined = this.#baseline): Promise<void> {
    let left: string[] = []
    const settled = () => (left = before ? differences(before, this.footprint()) : []).length === 0
    await until(settled, { every: 100, what: () => `nothing left behind:\n${left.join('\n')}` })
  }

  /** Removes all containers and checks that nothing of them is left, then everything else. */
  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.daemon.running && (this.#options.checkLeaks ?? true)) await this.#assertNothingLeaks()
    } finally {
      await super[Symbol.asyncDispose]()
    }
  }

  async #assertNothingLeaks(): Promise<void> {
    await this.removeContainers()
    await this.settles()
  }

  protected async cleanUp(): Promise<void> {
    for (const pid of processesMentioning(this.execRoot, allPids()).keys()) process.kill(pid, 'SIGKILL')
    await until(() => processesMentioning(this.execRoot, allPids()).size === 0)
    removeCgroups(this.cgroupParent)
  }
}

/** Starts gantryd; disposing of it fails if something of its containers is left. */
export const startGantryd = (options?: GantrydOptions): Promise<Gantryd> => Gantryd.start(options)
