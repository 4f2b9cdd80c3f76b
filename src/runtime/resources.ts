// Limits: from the Engine API's HostConfig to the runtime's resources.

import { statSync } from 'node:fs'
import { invalid } from '../lib/errors.ts'
import type { BlockIoLimits, CpuLimits, MemoryLimits, Resources, Rlimit } from '../oci/runtime-spec.ts'
import { deviceNumber } from './device-number.ts'
import type { ResourceRequest, ThrottleDevice, Ulimit } from './request.ts'

/** Limits of block devices, with the devices' numbers; read from the host before the spec is built. */
export type BlockIo = BlockIoLimits

/** The runtime's limits for `request`; the device rules are added by the caller. */
export function resourcesOf(request: ResourceRequest, blockIO: BlockIo): Omit<Resources, 'devices'> {
  const resources: Omit<Resources, 'devices'> = {}
  const memory = memoryOf(request)
  if (Object.keys(memory).length > 0) resources.memory = memory
  const cpu = cpuOf(request)
  if (Object.keys(cpu).length > 0) resources.cpu = cpu
  const pids = request.PidsLimit
  // 0 and negative values lift the limit.
  // A new cgroup has no limit, and crun before 1.9 fails to write that there is none.
  if (pids && pids > 0) resources.pids = { limit: pids }
  if (Object.keys(blockIO).length > 0) resources.blockIO = blockIO
  return resources
}

function memoryOf(request: ResourceRequest): MemoryLimits {
  const memory: MemoryLimits = {}
  if (isPositive(request.Memory)) memory.limit = request.Memory
  if (isPositive(request.MemoryReservation)) memory.reservation = request.MemoryReservation
  if (isPositive(request.MemorySwap)) memory.swap = request.MemorySwap
  if (isGiven(request.MemorySwappiness) && request.MemorySwappiness !== -1) memory.swappiness = request.MemorySwappiness
  // Spelled out only when asked for: cgroup v2 has no such switch and runtimes refuse the field there.
  if (request.OomKillDisable) memory.disableOOMKiller = true
  return memory
}

const periodMicros = 100_000

function cpuOf(request: ResourceRequest): CpuLimits {
  const cpu: CpuLimits = {}
  if (isNonZero(request.CpuShares)) {
    if (request.CpuShares < 0) throw invalid('shares: invalid argument')
    cpu.shares = request.CpuShares
  }
  const { period, quota } = cpuBandwidth(request)
  if (isPositive(request.NanoCpus) || isNonZero(request.CpuPeriod)) cpu.period = period
  if (quota !== undefined) cpu.quota = quota
  if (isNonZero(request.CpuRealtimePeriod)) cpu.realtimePeriod = request.CpuRealtimePeriod
  if (isNonZero(request.CpuRealtimeRuntime)) cpu.realtimeRuntime = request.CpuRealtimeRuntime
  if (request.CpusetCpus) cpu.cpus = request.CpusetCpus
  if (request.CpusetMems) cpu.mems = request.CpusetMems
  return cpu
}

/** How much processor time in which period, both in microseconds; without a quota there is no limit. */
export function cpuBandwidth({ NanoCpus: nanos, CpuPeriod, CpuQuota }: ResourceRequest): {
  period: number
  quota: number | undefined
} {
  const quota = isPositive(nanos) ? Math.trunc((nanos * periodMicros) / 1e9) : undefined
  return { period: CpuPeriod || periodMicros, quota: CpuQuota || quota }
}

/** Looks up the block devices that limits name. Throws as dockerd does if one isn't there. */
export function readBlockIo(request: ResourceRequest): BlockIo {
  const blockIo: BlockIo = {}
  if (isPositive(request.BlkioWeight)) blockIo.weight = request.BlkioWeight
  const weights = request.BlkioWeightDevice ?? []
  if (weights.length > 0) {
    blockIo.weightDevice = weights.map(({ Path, Weight }) => ({ ...blockDevice(Path ?? ''), weight: Weight ?? 0 }))
  }
  const throttles = {
    throttleReadBpsDevice: request.BlkioDeviceReadBps,
    throttleWriteBpsDevice: request.BlkioDeviceWriteBps,
    throttleReadIOPSDevice: request.BlkioDeviceReadIOps,
    throttleWriteIOPSDevice: request.BlkioDeviceWriteIOps,
  } as const
  for (const [name, devices] of Object.entries(throttles)) {
    if (devices?.length) blockIo[name as keyof typeof throttles] = devices.map(throttleOf)
  }
  return blockIo
}

const throttleOf = ({ Path, Rate }: ThrottleDevice) => ({ ...blockDevice(Path ?? ''), rate: Rate ?? 0 })

function blockDevice(path: string) {
  try {
    return deviceNumber(statSync(path).rdev)
  } catch (cause) {
    throw invalid(`stat ${path}: ${problemWith(cause)}`, { cause })
  }
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'not a directory',
  ELOOP: 'too many levels of symbolic links',
  EACCES: 'permission denied',
  ENAMETOOLONG: 'file name too long',
}

// A path with a NUL byte does not come to the kernel.
const problemWith = (error: unknown) => problems[(error as NodeJS.ErrnoException).code ?? ''] ?? 'invalid argument'

/** The limits of setrlimit(2) for a container: the request's, then the daemon's defaults for what it leaves out. */
export function rlimitsOf(ulimits: readonly Ulimit[], defaults: readonly Ulimit[]): Rlimit[] {
  const named = new Set(ulimits.map(limit => limit.Name))
  return [...ulimits, ...defaults.filter(limit => !named.has(limit.Name))].map(limit => ({
    type: `RLIMIT_${limit.Name.toUpperCase()}`,
    soft: limit.Soft < 0 ? Infinity : limit.Soft,
    hard: limit.Hard < 0 ? Infinity : limit.Hard,
  }))
}

const isGiven = (value: number | null | undefined): value is number => value !== null && value !== undefined
const isNonZero = (value: number | null | undefined): value is number => isGiven(value) && value !== 0
const isPositive = (value: number | null | undefined): value is number => isGiven(value) && value > 0
