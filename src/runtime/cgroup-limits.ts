// Changing the limits of cgroups that processes are in: from limits to the kernel's control files, all of them or none.
// cgroup-v1/ and cgroup-v2.rst of the kernel's documentation; conversions as the OCI runtimes do them.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../kernel/ffi.ts'
import { conflict } from '../lib/errors.ts'
import type { Cgroup } from './cgroup.ts'
import type { ResourceRequest } from './request.ts'
import { cpuBandwidth } from './resources.ts'

/** A control file and what goes into it. */
export interface ControlFile {
  readonly controller: string
  readonly name: string
  readonly value: string
}

/** The control files that hold `limits`, each with its value: what is not limited has the value that lifts the limit. */
export function controlFiles(limits: ResourceRequest, version: 1 | 2): ControlFile[] {
  return version === 2 ? controlFiles2(limits) : controlFiles1(limits)
}

const file = (controller: string, name: string, value: number | string): ControlFile => ({
  controller,
  name: `${controller}.${name}`,
  value: String(value),
})
const orElse = (value: number | null | undefined, otherwise: number | string) =>
  (value ?? 0) > 0 ? (value as number) : otherwise

function controlFiles1(limits: ResourceRequest): ControlFile[] {
  const { period, quota } = cpuBandwidth(limits)
  const files = [
    file('memory', 'limit_in_bytes', orElse(limits.Memory, -1)),
    file('memory', 'memsw.limit_in_bytes', orElse(limits.MemorySwap, -1)),
    file('memory', 'soft_limit_in_bytes', orElse(limits.MemoryReservation, -1)),
    file('cpu', 'shares', orElse(limits.CpuShares, 1024)),
    file('cpu', 'cfs_period_us', period),
    file('cpu', 'cfs_quota_us', quota ?? -1),
    file('pids', 'max', orElse(limits.PidsLimit, 'max')),
  ]
  if (limits.CpuRealtimePeriod) files.push(file('cpu', 'rt_period_us', limits.CpuRealtimePeriod))
  if (limits.CpuRealtimeRuntime) files.push(file('cpu', 'rt_runtime_us', limits.CpuRealtimeRuntime))
  if (limits.BlkioWeight) files.push(file('blkio', 'weight', limits.BlkioWeight))
  return [...files, ...cpusetFiles(limits)]
}

function controlFiles2(limits: ResourceRequest): ControlFile[] {
  const { period, quota } = cpuBandwidth(limits)
  const files = [
    file('memory', 'max', orElse(limits.Memory, 'max')),
    file('memory', 'swap.max', swapOf(limits)),
    file('memory', 'low', orElse(limits.MemoryReservation, 0)),
    file('cpu', 'weight', weightOf(limits.CpuShares)),
    file('cpu', 'max', `${quota ?? 'max'} ${period}`),
    file('pids', 'max', orElse(limits.PidsLimit, 'max')),
  ]
  // From 10–1000 to 1–10000.
  if (limits.BlkioWeight) files.push(file('io', 'weight', 1 + Math.trunc(((limits.BlkioWeight - 10) * 9999) / 990)))
  return [...files, ...cpusetFiles(limits)]
}

// Version 2 counts swap by itself, Docker's field counts memory and swap together.
function swapOf({ Memory: memory, MemorySwap: both }: ResourceRequest): number | string {
  return (both ?? 0) > 0 ? (both as number) - (memory ?? 0) : 'max'
}

// From 2–262144 to 1–10000.
function weightOf(shares: number | null | undefined): number {
  return shares ? 1 + Math.trunc(((shares - 2) * 9999) / 262_142) : 100
}

function cpusetFiles({ CpusetCpus: cpus, CpusetMems: mems }: ResourceRequest): ControlFile[] {
  return [...(cpus ? [file('cpuset', 'cpus', cpus)] : []), ...(mems ? [file('cpuset', 'mems', mems)] : [])]
}

/**
 * Changes the limits of a cgroup from those of `before` to those of `after`. Throws `conflict` if the kernel refuses one
 * of them; all are as they were then.
 */
export function changeLimits(cgroup: Cgroup, before: ResourceRequest, after: ResourceRequest): void {
  const old = new Map(controlFiles(before, cgroup.version).map(({ name, value }) => [name, value]))
  const changed = controlFiles(after, cgroup.version).filter(({ name, value }) => old.get(name) !== value)
  const done: Written[] = []
  try {
    writeAll(cgroup, changed, done)
  } catch (error) {
    for (const { path, before: value } of done.toReversed()) writeFileSync(path, value, { flag: 'r+' })
    throw error
  }
}

interface Written {
  readonly path: string
  readonly before: string
}

// Some values are possible only once others are there, such as memory with swap above memory: so what was refused is
// tried again as long as something else was not.
function writeAll(cgroup: Cgroup, files: readonly ControlFile[], done: Written[]) {
  let waiting = files
  while (waiting.length > 0) {
    const refused = waiting.filter(item => !write(cgroup, item, done))
    if (refused.length === waiting.length) throw refusal(cgroup, refused[0] as ControlFile)
    waiting = refused
  }
}

function write(cgroup: Cgroup, item: ControlFile, done: Written[]): boolean {
  const path = pathOf(cgroup, item)
  // Without the controller or the feature there was no limit before either, as the warnings said.
  if (path === undefined) return true
  try {
    const before = readFileSync(path, 'utf8').trim()
    writeFileSync(path, item.value, { flag: 'r+' })
    done.push({ path, before })
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'EINVAL', 'EBUSY', 'ERANGE', 'EACCES', 'ENOSPC', 'EPERM')) return false
    throw error
  }
}

function pathOf(cgroup: Cgroup, { controller, name }: ControlFile): string | undefined {
  const directory = cgroup.directory(controller)
  return directory === undefined ? undefined : join(directory, name)
}

function refusal(cgroup: Cgroup, item: ControlFile): Error {
  return conflict(`the kernel refuses ${item.value} for ${item.name} of cgroup ${cgroup.path}${hintOf(item)}`)
}

function hintOf({ name }: ControlFile): string {
  return name.startsWith('memory.') ? ': its processes may use more than that now' : ''
}
