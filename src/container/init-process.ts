// The container's first process by descriptor.

import { readFileSync } from 'node:fs'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { pidfdOpen } from '../kernel/pidfd.ts'

/**
 * Opens the process `pid` if it is still a child of the shim `shimPid`: a container that ran for an instant is gone by
 * now, and its number may be another process's. Undefined then. Throws KernelError for anything else.
 */
export function openInit(pid: number, shimPid: number): Fd | undefined {
  try {
    using process = pidfdOpen(pid)
    return parentOf(pid) === shimPid ? process.dup() : undefined
  } catch (error) {
    if (hasCode(error, 'ESRCH', 'ENOENT')) return undefined
    throw error
  }
}

// The name in parentheses may hold anything; what follows the last one does not. proc_pid_stat(5).
function parentOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
}
