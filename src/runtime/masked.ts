// Files of /proc and /sys that a container may not see, or not change.

/** Paths that a bind mount of /proc doesn't hide from root; each names the host's state or hardware. */
const maskedEverywhere = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]

/** The default masked paths; `throttledCpus` are the CPUs that have a thermal_throttle directory. */
export function maskedPaths(throttledCpus: readonly number[]): string[] {
  const throttle = throttledCpus.map(cpu => `/sys/devices/system/cpu/cpu${cpu}/thermal_throttle`)
  return [...maskedEverywhere, ...throttle]
}

/** The default read-only paths. */
export const readonlyPaths: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
]
