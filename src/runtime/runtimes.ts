// The runtimes that containers can name, and the one they get if they name none.

import { invalid, system } from '../lib/errors.ts'
import { type ProbedRuntime, fastestRuntime } from './probe.ts'

/** What was found at start; immutable. */
export class Runtimes {
  readonly all: readonly ProbedRuntime[]
  /** The configured default, or the fastest that works. */
  readonly defaultName: string

  /** Throws if `configured` isn't among the runtimes, or if none is configured and none works. */
  constructor(probed: readonly ProbedRuntime[], configured?: string) {
    this.all = probed
    const chosen = configured ? probed.find(({ name }) => name === configured) : fastestRuntime(probed)
    if (!chosen)
      throw configured ? invalid(`specified default runtime '${configured}' does not exist`) : noneWorks(probed)
    this.defaultName = chosen.name
  }

  /** The runtime of that name, the default for an empty one. Throws dockerd's message if there is none. */
  get(name: string): ProbedRuntime {
    const found = this.all.find(runtime => runtime.name === (name || this.defaultName))
    if (!found) throw invalid(`unknown or invalid runtime name: ${name}`)
    return found
  }
}

function noneWorks(probed: readonly ProbedRuntime[]) {
  const reasons = probed.map(({ name, reason }) => `${name}: ${reason}`).join('; ')
  return system(`No container runtime works on this host (${reasons}); install crun or runc`)
}
