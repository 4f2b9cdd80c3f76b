// podman's API service on roots and a network namespace of its own, driven through the stock docker CLI.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { cgroupsBelow, removeCgroups } from '../test/kit/cgroups.ts'
import { Engine } from '../test/kit/engine.ts'
import type { NetworkNamespace } from '../test/kit/netns.ts'
import { allPids, processesMentioning } from '../test/kit/processes.ts'
import type { TemporaryDirectory } from '../test/kit/temporary.ts'

// podman's own default limits need a capability that a host may lack.
const configuration = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n'

// Registries of the measurements have no certificates. Other engines take loopback for safe.
const registries = '[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n'

const parentGroup = 'libpod_parent'

export class Podman extends Engine {
  readonly name = 'podman'
  readonly #hadParent = cgroupsBelow(parentGroup).length > 0

  static async start(): Promise<Podman> {
    const engine = new Podman(...(await Engine.place('podman')))
    mkdirSync(engine.scratch)
    writeFileSync(join(engine.directory, 'containers.conf'), configuration)
    writeFileSync(join(engine.directory, 'registries.conf'), registries)
    await engine.launch(engine.#argv)
    return engine
  }

  private constructor(temporary: TemporaryDirectory, namespace: NetworkNamespace) {
    super(temporary, namespace)
  }

  get #argv(): string[] {
    const place = (name: string) => join(this.directory, name)
    return [
      'env',
      `CONTAINERS_CONF=${place('containers.conf')}`,
      `CONTAINERS_REGISTRIES_CONF=${place('registries.conf')}`,
      'podman',
      `--root=${this.dataRoot}`,
      `--runroot=${this.execRoot}`,
      `--tmpdir=${place('tmp')}`,
      `--network-config-dir=${place('networks')}`,
      '--cgroup-manager=cgroupfs',
      '--events-backend=file',
      // Debian 12's crun refuses hosts with both versions of cgroups.
      '--runtime=runc',
      'system',
      'service',
      '--time=0',
      `unix://${this.socket}`,
    ]
  }

  protected async cleanUp(): Promise<void> {
    for (const pid of processesMentioning(this.directory, allPids()).keys()) process.kill(pid, 'SIGKILL')
    // podman's parent group is the same for all its roots: it goes only if it came with this one.
    if (!this.#hadParent) removeCgroups(parentGroup)
  }
}
