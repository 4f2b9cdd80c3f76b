// What is left on disk and among the cgroups of starts, exits and removals that a daemon's death cut short.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'
import { messageOf } from '../lib/errors.ts'
import type { RuntimeSpec } from '../oci/runtime-spec.ts'
import type { Engine } from './engine.ts'

/**
 * Removes what belongs to no container, or to none that runs. Only what this daemon's own roots tell of: other daemons
 * may have their cgroups beside ours. Resolves when cgroups and run dirs are gone; data dirs may take longer.
 */
export async function sweepLeftovers(engine: Engine): Promise<void> {
  const { dataRoot, execRoot } = engine.settings
  const bundles = join(execRoot, 'containers')
  for (const id of namesIn(bundles)) await unlessItRuns(engine, id, () => sweepBundle(engine, bundles, id))
  const runtimes = join(execRoot, 'runtime')
  for (const runtime of namesIn(runtimes)) {
    const records = join(runtimes, runtime)
    for (const id of namesIn(records)) await unlessItRuns(engine, id, () => engine.removeTree(records, id))
  }
  const data = join(dataRoot, 'containers')
  for (const id of namesIn(data)) if (!engine.containers.find(id)) removeData(engine, data, id)
}

// Under its lock: a restart policy may be starting it at this moment.
async function unlessItRuns(engine: Engine, id: string, sweep: () => Promise<void>): Promise<void> {
  using _lock = await engine.locks.hold(id)
  if (!engine.containers.find(id)?.isRunning) await sweep()
}

// The cgroup first: the bundle is what tells of it.
async function sweepBundle(engine: Engine, directory: string, id: string): Promise<void> {
  const cgroup = cgroupIn(join(directory, id, 'config.json'))
  if (cgroup !== undefined) await engine.cgroups.clear(cgroup)
  await engine.removeTree(directory, id)
}

// Undefined if the start was cut short before there was one.
function cgroupIn(configuration: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(configuration, 'utf8')) as RuntimeSpec).linux.cgroupsPath
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR') || error instanceof SyntaxError) return undefined
    throw error
  }
}

// It may have millions of files; nobody has to wait for that.
function removeData(engine: Engine, directory: string, id: string) {
  engine.removeTree(directory, id).catch((error: unknown) => {
    engine.log.warn({ container: id, error: messageOf(error) }, 'the files of a removed container could not be removed')
  })
}

const namesIn = (directory: string) => readdirSync(directory)
