// The defaults of a HostConfig, as inspect shows them.

import type { HostConfig } from '../api/types/container.ts'
import { maskedPaths, readonlyPaths } from '../runtime/masked.ts'
import { parseSecurityOptions } from '../runtime/security.ts'
import type { Engine } from './engine.ts'

/** The request with the daemon's defaults where it says nothing. */
export function withDefaults(engine: Engine, asked: HostConfig): HostConfig {
  const { settings } = engine
  const driver = asked.LogConfig?.Type || settings.logDriver
  const inherited = inheritedLogOptions(settings, driver)
  return {
    ...asked,
    ...protectedPaths(engine, asked),
    SecurityOpt: asked.SecurityOpt ?? (withoutLabel(asked) ? ['label=disable'] : null),
    NetworkMode: !asked.NetworkMode || asked.NetworkMode === 'default' ? 'bridge' : asked.NetworkMode,
    MemorySwap: swapOf(asked),
    IpcMode: asked.IpcMode || settings.ipcMode,
    CgroupnsMode: asked.CgroupnsMode || cgroupnsMode(engine, asked),
    ShmSize: asked.ShmSize || settings.shmSize,
    RestartPolicy: {
      ...asked.RestartPolicy,
      Name: asked.RestartPolicy?.Name || 'no',
      MaximumRetryCount: asked.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    LogConfig: { Type: driver, Config: { ...inherited, ...asked.LogConfig?.Config } },
    Runtime: asked.Runtime || engine.runtimes.defaultName,
    // 0 and less are how clients say that there is no limit.
    PidsLimit: asked.PidsLimit !== null && asked.PidsLimit > 0 ? asked.PidsLimit : null,
    ConsoleSize: asked.ConsoleSize ?? [0, 0],
    PortBindings: asked.PortBindings ?? {},
  }
}

// Without a word about swap, a container gets as much of it as of memory.
const swapOf = ({ Memory, MemorySwap }: HostConfig) => (Memory > 0 && MemorySwap === 0 ? 2 * Memory : MemorySwap)

// Version 1 shows a privileged container the host's cgroups whatever the daemon's default is.
function cgroupnsMode({ cgroups, settings }: Engine, { Privileged }: HostConfig): string {
  if (Privileged && !cgroups.isUnified) return 'host'
  return settings.cgroupnsMode || (cgroups.isUnified ? 'private' : 'host')
}

// The daemon's options belong to its driver; those of the copy that is kept here, to any.
function inheritedLogOptions({ logDriver, logOptions }: Engine['settings'], driver: string) {
  if (driver === logDriver) return logOptions
  return Object.fromEntries(
    Object.entries(logOptions).filter(([name]) => driver !== 'none' && name.startsWith('cache-')),
  )
}

// What reaches into the host's namespaces can't have an SELinux label of its own.
const withoutLabel = ({ Privileged, IpcMode, PidMode }: HostConfig) =>
  Privileged || IpcMode === 'host' || PidMode === 'host'

function protectedPaths(engine: Engine, asked: HostConfig): Pick<HostConfig, 'MaskedPaths' | 'ReadonlyPaths'> {
  const { unconfinedPaths } = parseSecurityOptions(asked.SecurityOpt ?? [], false)
  const none = asked.Privileged || unconfinedPaths
  return {
    MaskedPaths: asked.MaskedPaths ?? (none ? null : maskedPaths(engine.host.throttledCpus)),
    ReadonlyPaths: asked.ReadonlyPaths ?? (none ? null : [...readonlyPaths]),
  }
}
