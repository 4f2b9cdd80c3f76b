// POST /containers/{id}/update: other limits and another restart policy, at once for a container that runs.

import type { ContainerUpdateRequest, HostConfig } from '../api/types/container.ts'
import { GantryError, conflict, invalid } from '../lib/errors.ts'
import { changeLimits } from '../runtime/cgroup-limits.ts'
import { verifyResources } from '../runtime/verify.ts'
import { cgroupOf } from './cgroup.ts'
import { checkRestartPolicy } from './check-restart-policy.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import type { Container, Limits } from './model.ts'

/**
 * Changes what `asked` says and leaves the rest; returns the warnings. All of it takes effect, or nothing. Throws
 * dockerd's errors for values that can't be, and `conflict` for what goes against other settings or the kernel refuses.
 */
export async function update(engine: Engine, container: Container, asked: ContainerUpdateRequest): Promise<string[]> {
  const { request, warnings } = verifyResources(asked, engine.cgroups.limitSupport(), true)
  if (request.RestartPolicy.Name !== '') checkRestartPolicy(request.RestartPolicy)
  using _lock = await engine.locks.hold(container.id)
  try {
    apply(engine, container, request)
  } catch (error) {
    if (!(error instanceof GantryError)) throw error
    throw new GantryError(error.kind, `Cannot update container ${container.id}: ${error.message}`, { cause: error })
  }
  containerEvent(engine, container, 'update')
  return warnings
}

function apply(engine: Engine, container: Container, request: ContainerUpdateRequest) {
  const { phase } = container.state
  if (phase === 'removing' || phase === 'dead') throw conflict('container is marked for removal and cannot be "update"')
  const before = container.definition.hostConfig
  const after = merged(before, request)
  const cgroup = container.isRunning ? engine.cgroups.at(cgroupOf(engine, container)) : undefined
  if (cgroup) {
    // Should the daemon die before the definition is kept, the next one knows what it may find.
    container.state.changing = limitsOf(after)
    engine.containers.savePassing(container)
    delete container.state.changing
    changeLimits(cgroup, before, after)
  }
  try {
    engine.containers.saveDefinition(container, { ...container.definition, hostConfig: after })
  } catch (error) {
    if (cgroup) changeLimits(cgroup, after, before)
    throw error
  }
}

// What can be updated; zero and empty mean: as it is.
const updatable = [
  'BlkioWeight',
  'CpuShares',
  'NanoCpus',
  'CpuPeriod',
  'CpuQuota',
  'CpusetCpus',
  'CpusetMems',
  'Memory',
  'MemorySwap',
  'MemoryReservation',
  'KernelMemory',
  'CpuRealtimePeriod',
  'CpuRealtimeRuntime',
] as const

const limitsOf = (config: HostConfig): Limits => {
  const names = [...updatable.filter(name => name !== 'KernelMemory'), 'PidsLimit'] as const
  return Object.fromEntries(names.map(name => [name, config[name]])) as unknown as Limits
}

/**
 * Gives a running container its own limits again if an update was cut short by the end of an earlier daemon. Throws
 * `conflict` if the kernel refuses them by now.
 */
export function finishUpdate(engine: Pick<Engine, 'cgroups' | 'settings'>, container: Container): void {
  const { changing } = container.state
  if (!changing) return
  delete container.state.changing
  changeLimits(engine.cgroups.at(cgroupOf(engine, container)), changing, container.definition.hostConfig)
}

/** `before` with what `request` changes. Throws dockerd's conflicts between the two. */
export function merged(before: HostConfig, request: ContainerUpdateRequest): HostConfig {
  if (request.CpuShares < 0) throw invalid('shares: invalid argument')
  checkProcessor(before, request)
  checkMemory(before, request)
  const { RestartPolicy: policy, PidsLimit: pids } = request
  if (policy.Name !== '' && policy.Name !== 'no' && before.AutoRemove)
    throw conflict('Restart policy cannot be updated because AutoRemove is enabled for the container')
  const changes = updatable.filter(name => request[name]).map(name => [name, request[name]])
  return {
    ...before,
    ...Object.fromEntries(changes),
    // 0 and less are how clients say that there is no limit.
    ...(pids !== null && { PidsLimit: Math.max(0, pids) }),
    ...(policy.Name !== '' && { RestartPolicy: policy }),
  }
}

// NanoCpus is another way to give the other two.
function checkProcessor(before: HostConfig, request: ContainerUpdateRequest) {
  const fields = [
    ['CpuPeriod', 'CPU Period'],
    ['CpuQuota', 'CPU Quota'],
  ] as const
  for (const [field, name] of fields) {
    if (request.NanoCpus > 0 && before[field] > 0)
      throw conflict(`Conflicting options: Nano CPUs cannot be updated as ${name} has already been set`)
    if (request[field] > 0 && before.NanoCpus > 0)
      throw conflict(`Conflicting options: ${name} cannot be updated as NanoCPUs has already been set`)
  }
}

function checkMemory({ Memory: memory, MemorySwap: swap }: HostConfig, request: ContainerUpdateRequest) {
  if (request.MemorySwap === 0 && swap !== -1 && request.Memory > swap)
    throw conflict(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    )
  if (request.Memory === 0 && request.MemorySwap > 0 && request.MemorySwap < memory)
    throw conflict(
      'Memoryswap limit should be larger than already set memory limit, update the memory at the same time',
    )
}
