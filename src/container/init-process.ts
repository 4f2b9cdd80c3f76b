// Processes of a container by descriptor, and with what they started.

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
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

/**
 * Kills an exec's first process `pid` of container `id`, and what it started: runtimes give an exec a session of its own,
 * and a process leaves that only if it means to. Throws KernelError.
 */
export function killExec(pid: number, id: string): void {
  using leader = openInit(pid, id)
  if (!leader) return
  const group = groupOfSession(pid)
  signalIfThere(leader, constants.signals.SIGKILL)
  if (group !== undefined) killGroup(group)
}

// proc_pid_stat(5): the name in parentheses is followed by state, parent, process group, session.
function groupOfSession(pid: number): number | undefined {
  const status = statusOf(pid)
  if (status === undefined) return undefined
  const [, , group, session] = status.slice(status.lastIndexOf(')') + 2).split(' ')
  return group !== undefined && group !== '0' && group === session ? Number(group) : undefined
}

// Undefined if it has gone.
function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined
    throw error
  }
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
