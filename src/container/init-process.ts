// Processes of a container by descriptor.

import { readFileSync } from 'node:fs'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { pidfdOpen, pidfdSignal } from '../kernel/pidfd.ts'

/**
 * Opens the process `pid` if it is in the cgroup of container `id`: one that ran for an instant is gone by now, and its
 * number may be another process's. Undefined then. Throws KernelError for anything else.
 */
export function openInit(pid: number, id: string): Fd | undefined {
  try {
    using process = pidfdOpen(pid)
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(`/${id}`) ? process.dup() : undefined
  } catch (error) {
    if (hasCode(error, 'ESRCH', 'ENOENT')) return undefined
    throw error
  }
}

/** Sends a process a signal, if it is still there. Throws KernelError. */
export function signalIfThere(process: Fd, signal: number): void {
  try {
    pidfdSignal(process, signal)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
