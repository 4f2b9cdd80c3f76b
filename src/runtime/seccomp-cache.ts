// Compiled seccomp filters, kept: crun takes 13 ms to compile the default profile, and as good as nothing to load it.

import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'
import type { RuntimeSpec } from '../oci/runtime-spec.ts'

// crun(1): a filter in base64 that takes the place of the one described in linux.seccomp.
const annotation = 'run.oci.seccomp_bpf_data'
// Profiles differ by capabilities and options; more than a few are a client that makes them up.
const most = 64

/**
 * The filters that crun compiled, by the profile they came from. What is reused is crun's own work, byte for byte: it
 * leaves the filter in its state directory, where an exec finds it too.
 */
export class SeccompCache {
  readonly #filters = new Map<string, string>()

  /** The configuration to run: with the compiled filter if it is known. Other runtimes don't know how to take it. */
  apply(spec: RuntimeSpec, runtimePath: string): RuntimeSpec {
    const { seccomp } = spec.linux
    // An annotation of the user's own has been checked by nobody.
    const { [annotation]: _, ...annotations } = spec.annotations ?? {}
    const filter = seccomp && isCrun(runtimePath) ? this.#filters.get(JSON.stringify(seccomp)) : undefined
    const all = filter === undefined ? annotations : { ...annotations, [annotation]: filter }
    return { ...spec, annotations: all }
  }

  /** Learns the filter of a container that has been started with `spec`; `state` is crun's directory of it. */
  learn(spec: RuntimeSpec, runtimePath: string, state: string): void {
    const { seccomp } = spec.linux
    if (!seccomp || !isCrun(runtimePath)) return
    const key = JSON.stringify(seccomp)
    if (this.#filters.has(key) || this.#filters.size >= most) return
    const filter = readFilter(join(state, 'seccomp.bpf'))
    if (filter !== undefined) this.#filters.set(key, filter)
  }
}

const isCrun = (path: string) => basename(path) === 'crun'

// Instructions are eight bytes each; an empty file is not a filter. seccomp(2).
function readFilter(path: string): string | undefined {
  try {
    const filter = readFileSync(path)
    return filter.length > 0 && filter.length % 8 === 0 ? filter.toString('base64') : undefined
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
