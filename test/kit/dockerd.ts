// Debian's dockerd on a socket, roots, bridge and network namespace of its own: the reference.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

import { removeCgroups } from './cgroups.ts'
import { output } from './command.ts'
import { Engine, emptyConfiguration } from './engine.ts'
import type { NetworkNamespace } from './netns.ts'
import type { TemporaryDirectory } from './temporary.ts'

/** The bridge's address in tests that compare engines: both have the same, so addresses need not be masked. */
export const testBridgeAddress = '10.211.0.1/24'

export class Dockerd extends Engine {
  readonly name = 'dockerd'

  static async start(): Promise<Dockerd> {
    const engine = new Dockerd(...(await Engine.place('dockerd')))
    await engine.#start()
    return engine
  }

  private constructor(temporary: TemporaryDirectory, namespace: NetworkNamespace) {
    super(temporary, namespace)
  }

  get #cgroupParent(): string {
    return `gantry-test-${this.directory.split('-').at(-1)}`
  }

  async #start(): Promise<void> {
    mkdirSync(this.scratch)
    // iptables of an earlier start cannot be there: the rules live and die with the namespace.
    await output(this.namespace.enter(['ip', 'link', 'add', 'docker0', 'type', 'bridge']))
    await output(this.namespace.enter(['ip', 'address', 'add', testBridgeAddress, 'dev', 'docker0']))
    await output(this.namespace.enter(['ip', 'link', 'set', 'docker0', 'up']))
    await this.launch([
      'dockerd',
      `--host=unix://${this.socket}`,
      `--data-root=${this.dataRoot}`,
      `--exec-root=${this.execRoot}`,
      `--pidfile=${join(this.directory, 'pid')}`,
      `--config-file=${emptyConfiguration(this.directory)}`,
      `--cgroup-parent=/${this.#cgroupParent}`,
      '--bridge=docker0',
    ])
  }

  protected async cleanUp(): Promise<void> {
    removeCgroups(this.#cgroupParent)
  }
}

/** Starts dockerd; dispose of it to remove all it made. */
export const startDockerd = (): Promise<Dockerd> => Dockerd.start()
