// DELETE /containers/{id}/logs, which dockerd does not have: drops what a container has logged so far.

import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'
import { notImplemented } from '../lib/errors.ts'
import type { Engine } from './engine.ts'
import { logPath } from './log-config.ts'
import type { Container } from './model.ts'

/** Empties the container's log. What it writes meanwhile is kept, and a follower that keeps up misses nothing. */
export async function clearLog(engine: Engine, container: Container): Promise<void> {
  if (container.definition.hostConfig.LogConfig.Type === 'none') {
    throw notImplemented('configured logging driver does not support reading')
  }
  using _lock = await engine.locks.hold(container.id)
  if (container.live) await container.live.shim.clearLog()
  else removeFiles(logPath(engine.settings, container))
}

// Those of the log: it stands beside other files.
function removeFiles(path: string) {
  const [directory, name] = [dirname(path), basename(path)]
  for (const entry of entriesOf(directory)) {
    if (entry.startsWith(name) && /^(?:\.\d+(?:\.gz)?)?$/.test(entry.slice(name.length))) rmSync(join(directory, entry))
  }
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
