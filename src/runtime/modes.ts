// Namespace modes of a request: `host`, `container:NAME`, `private`, …

import { invalid } from '../lib/errors.ts'
import type { IsolationRequest } from './request.ts'

/** The name or id in `container:X`; undefined for any other mode. */
export function containerOf(mode: string | null | undefined): string | undefined {
  const prefix = 'container:'
  return mode?.startsWith(prefix) ? mode.slice(prefix.length) : undefined
}

/** Throws dockerd's message for a mode that doesn't exist. */
export function checkModes(request: IsolationRequest) {
  if (containerOf(request.NetworkMode) === '') {
    throw invalid('invalid network mode: invalid container format container:<name|id>')
  }
  const { IpcMode: ipc, PidMode: pid, UTSMode: uts, CgroupnsMode: cgroup, UsernsMode: userns } = request
  if (!isOneOf(ipc, 'none', 'private', 'host', 'shareable') && containerOf(ipc) === undefined) {
    throw invalid(`Invalid IPC mode: ${ipc}`)
  }
  if (!isOneOf(pid, 'host') && !containerOf(pid)) throw invalid(`Invalid PID mode: ${pid}`)
  if (!isOneOf(uts, 'host')) throw invalid(`Invalid UTS mode: ${uts}`)
  if (!isOneOf(cgroup, 'private', 'host')) throw invalid(`invalid cgroup namespace mode: ${cgroup}`)
  if (!isOneOf(userns, 'host', 'private')) throw invalid('invalid user namespace mode')
}

const isOneOf = (mode: string | null | undefined, ...modes: string[]) => !mode || modes.includes(mode)

/** True if the container has a network namespace of its own. */
export function hasOwnNetwork(request: IsolationRequest): boolean {
  return request.NetworkMode !== 'host' && containerOf(request.NetworkMode) === undefined
}
