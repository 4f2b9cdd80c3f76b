// Checks of a request's limits when a container is created, with dockerd's texts.

import { invalid } from '../lib/errors.ts'
import type { IsolationRequest, ResourceRequest } from './request.ts'

/** What the host's cgroups can limit. A controller that isn't there makes a warning, not an error. */
export interface LimitSupport {
  memory: boolean
  swap: boolean
  swappiness: boolean
  reservation: boolean
  oomKillDisable: boolean
  pids: boolean
  cpuShares: boolean
  cpuQuota: boolean
  cpuRealtime: boolean
  cpuset: boolean
  /** Lists such as `0-3`. */
  cpus: string
  mems: string
  blkioWeight: boolean
  blkioThrottle: boolean
  cpuCount: number
}

/** A copy of the request without what the host can't do, and a sentence about each such thing. */
export interface Verified<T> {
  request: T
  warnings: string[]
}

const minimumMemory = 6 * 1024 * 1024

/**
 * Verifies limits; the result is what to keep. An `update` adds to limits that are there. Throws dockerd's message for a
 * value out of range.
 */
export function verifyResources<T extends ResourceRequest>(
  given: T,
  support: LimitSupport,
  update = false,
): Verified<T> {
  const request = { ...given }
  const warnings: string[] = []
  verifyMemory(request, support, warnings, update)
  verifyPids(request, support, warnings)
  if (!update) verifyRealtime(request, support)
  verifyCpu(request, support, warnings)
  verifyCpuset(request, support, warnings)
  verifyBlkio(request, support, warnings)
  verifyForeign(request, warnings)
  return { request, warnings }
}

function verifyMemory(request: ResourceRequest, support: LimitSupport, warnings: string[], update: boolean) {
  if (request.MemorySwappiness === -1) request.MemorySwappiness = null
  if (request.Memory && request.Memory < minimumMemory) throw invalid('Minimum memory limit allowed is 6MB')
  if (isPositive(request.Memory) && !support.memory) {
    warnings.push(
      'Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded.',
    )
    request.Memory = 0
    request.MemorySwap = -1
  }
  verifySwap(request, support, warnings, update)
  verifyReservation(request, support, warnings)
  if (!support.oomKillDisable) {
    if (request.OomKillDisable) warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.')
    request.OomKillDisable = null
  } else request.OomKillDisable ??= false
  if (request.OomKillDisable && !request.Memory) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    )
  }
}

function verifySwap(request: ResourceRequest, support: LimitSupport, warnings: string[], update: boolean) {
  const memory = request.Memory ?? 0
  if (memory > 0 && request.MemorySwap !== -1 && !support.swap) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    )
    request.MemorySwap = -1
  }
  const swap = request.MemorySwap ?? 0
  if (memory > 0 && swap > 0 && swap < memory) {
    throw invalid('Minimum memoryswap limit should be larger than memory limit, see usage')
  }
  if (memory === 0 && swap > 0 && !update) {
    throw invalid('You should always set the Memory limit when using Memoryswap limit, see usage')
  }
  const swappiness = request.MemorySwappiness
  if (swappiness === null || swappiness === undefined) return
  if (!support.swappiness) {
    warnings.push(
      'Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.',
    )
    request.MemorySwappiness = null
  } else if (swappiness < 0 || swappiness > 100) {
    throw invalid(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`)
  }
}

function verifyReservation(request: ResourceRequest, support: LimitSupport, warnings: string[]) {
  const reservation = request.MemoryReservation ?? 0
  if (reservation <= 0) return
  if (!support.reservation) {
    warnings.push(
      'Your kernel does not support memory soft limit capabilities or the cgroup is not mounted. Limitation discarded.',
    )
    request.MemoryReservation = 0
    return
  }
  if (reservation < minimumMemory) throw invalid('Minimum memory reservation allowed is 6MB')
  if (isPositive(request.Memory) && request.Memory < reservation) {
    throw invalid('Minimum memory limit can not be less than memory reservation limit, see usage')
  }
}

function verifyPids(request: ResourceRequest, support: LimitSupport, warnings: string[]) {
  if (support.pids || request.PidsLimit === null || request.PidsLimit === undefined) return
  if (request.PidsLimit > 0) {
    warnings.push(
      'Your kernel does not support PIDs limit capabilities or the cgroup is not mounted. PIDs limit discarded.',
    )
  }
  request.PidsLimit = null
}

function verifyCpu(request: ResourceRequest, support: LimitSupport, warnings: string[]) {
  verifyNanoCpus(request, support)
  if (isPositive(request.CpuShares) && !support.cpuShares) {
    warnings.push('Your kernel does not support CPU shares or the cgroup is not mounted. Shares discarded.')
    request.CpuShares = 0
  }
  if ((request.CpuPeriod || request.CpuQuota) && !support.cpuQuota) {
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.')
    request.CpuPeriod = 0
    request.CpuQuota = 0
  }
  if (request.CpuPeriod && (request.CpuPeriod < 1000 || request.CpuPeriod > 1_000_000)) {
    throw invalid('CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)')
  }
  if (isPositive(request.CpuQuota) && request.CpuQuota < 1000) {
    throw invalid('CPU cfs quota can not be less than 1ms (i.e. 1000)')
  }
}

// Of an update, the kernel says whether it fits what is there.
function verifyRealtime(
  { CpuRealtimePeriod: period, CpuRealtimeRuntime: runtime }: ResourceRequest,
  support: LimitSupport,
) {
  if ((period || runtime) && !support.cpuRealtime) throw invalid('kernel does not support CPU real-time scheduler')
  if (period && runtime && runtime > period) {
    throw invalid('cpu real-time runtime cannot be higher than cpu real-time period')
  }
}

function verifyNanoCpus(request: ResourceRequest, support: LimitSupport) {
  const nanos = request.NanoCpus ?? 0
  if (nanos === 0) return
  if (nanos > 0 && isPositive(request.CpuPeriod)) {
    throw invalid('Conflicting options: Nano CPUs and CPU Period cannot both be set')
  }
  if (nanos > 0 && isPositive(request.CpuQuota)) {
    throw invalid('Conflicting options: Nano CPUs and CPU Quota cannot both be set')
  }
  if (nanos > 0 && !support.cpuQuota) {
    throw invalid(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    )
  }
  const count = support.cpuCount
  if (nanos < 0 || nanos > count * 1e9) {
    throw invalid(`Range of CPUs is from 0.01 to ${count}.00, as there are only ${count} CPUs available`)
  }
}

function verifyCpuset(request: ResourceRequest, support: LimitSupport, warnings: string[]) {
  if ((request.CpusetCpus || request.CpusetMems) && !support.cpuset) {
    warnings.push('Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded.')
    request.CpusetCpus = ''
    request.CpusetMems = ''
  }
  checkList(request.CpusetCpus, support.cpus, 'cpus', 'CPUs')
  checkList(request.CpusetMems, support.mems, 'mems', 'memory nodes')
}

function checkList(wanted: string | null | undefined, available: string, field: string, noun: string) {
  if (!wanted) return
  const members = parseList(wanted)
  if (!members) throw invalid(`Invalid value ${wanted} for cpuset ${field}: invalid format: ${wanted}`)
  const present = parseList(available) ?? new Set()
  if (!members.isSubsetOf(present)) {
    throw invalid(`Requested ${noun} are not available - requested ${wanted}, available: ${available}`)
  }
}

// A list may not name more than this many members, so that `0-4000000000` costs nothing.
const maximumMember = 8192

/** The members of a list such as `0-2,5` (cpuset(7)); undefined if it isn't one. */
export function parseList(text: string): Set<number> | undefined {
  const members = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim())
    if (!match) return undefined
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (last < first || last > maximumMember) return undefined
    for (let member = first; member <= last; member++) members.add(member)
  }
  return members
}

function verifyBlkio(request: ResourceRequest, support: LimitSupport, warnings: string[]) {
  const weight = request.BlkioWeight ?? 0
  if (weight > 0 && !support.blkioWeight) {
    warnings.push('Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.')
    request.BlkioWeight = 0
  } else if (weight > 0 && (weight < 10 || weight > 1000)) {
    throw invalid('Range of blkio weight is from 10 to 1000')
  }
  if (request.BlkioWeightDevice?.length && !support.blkioWeight) {
    warnings.push(
      'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
    )
    request.BlkioWeightDevice = []
  }
  if (support.blkioThrottle) return
  for (const [field, unit, direction] of throttles) {
    if (!request[field]?.length) continue
    warnings.push(
      `Your kernel does not support ${unit} Block I/O ${direction} limit or the cgroup is not mounted. Block I/O ${unit} ${direction} limit discarded.`,
    )
    request[field] = []
  }
}

const throttles = [
  ['BlkioDeviceReadBps', 'BPS', 'read'],
  ['BlkioDeviceWriteBps', 'BPS', 'write'],
  ['BlkioDeviceReadIOps', 'IOPS', 'read'],
  ['BlkioDeviceWriteIOps', 'IOPS', 'write'],
] as const

// What only Windows has.
function verifyForeign(request: ResourceRequest, warnings: string[]) {
  if (isPositive(request.CpuPercent)) {
    warnings.push('linux does not support CPU percent. Percent discarded.')
    request.CpuPercent = 0
  }
  if (isPositive(request.IOMaximumIOps))
    throw invalid('Invalid QoS settings: linux does not support configuration of maximum IOPs')
  if (isPositive(request.IOMaximumBandwidth))
    throw invalid('Invalid QoS settings: linux does not support configuration of maximum bandwidth')
}

/** Checks values that don't depend on the host. Throws dockerd's message. */
export function verifyRanges(request: IsolationRequest) {
  const score = request.OomScoreAdj ?? 0
  if (score < -1000 || score > 1000) throw invalid(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`)
  if (request.CgroupParent?.includes('\0')) throw invalid('invalid cgroup parent: it contains a NUL byte')
  if ((request.ShmSize ?? 0) < 0) throw invalid('SHM size can not be less than 0')
  if (request.Annotations && '' in request.Annotations) {
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key')
  }
}

const isPositive = (value: number | null | undefined): value is number => (value ?? 0) > 0
