// The end of a shim's process: only then has the kernel freed its mounts, namespaces and ports.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { pidfdSignal } from '../kernel/pidfd.ts'
import { reap } from '../kernel/spawn.ts'

const longestPause = 100

/** Resolves to the exit status (128 + signal) of `pid`, a child that is about to end, once it has ended and is reaped. */
export const childEnded = (pid: number): Promise<number> => defined(() => reap(pid))

/** Resolves once `pid`, the process of `shim` and another's child, that is about to end, has ended. */
export const processEnded = (shim: Fd, pid: number): Promise<true> =>
  defined(() => (isAlive(shim, pid) ? undefined : true))

// A zombie has freed everything, and its parent may never reap it. The number is the process's own if the signal arrives after.
function isAlive(shim: Fd, pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1')
    pidfdSignal(shim, 0)
    return status.charAt(status.lastIndexOf(')') + 2) !== 'Z'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return false
    throw error
  }
}

// Nothing in Node waits for a process it did not start itself. A shim ends within a millisecond or two of closing its sockets.
async function defined<T>(probe: () => T | undefined): Promise<T> {
  for (let pause = 1; ; pause = Math.min(2 * pause, longestPause)) {
    const result = probe()
    if (result !== undefined) return result
    await sleep(pause)
  }
}
