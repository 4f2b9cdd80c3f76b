// Kernel settings of the network namespace that the thread is in. Synchronous, so that the thread is in no other by then.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Reads /proc/sys/net/`path`; undefined if the kernel doesn't have it. */
export function readSysctl(path: string): string | undefined {
  const file = `/proc/sys/net/${path}`
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/** Sets /proc/sys/net/`path`. */
export function writeSysctl(path: string, value: string): void {
  writeFileSync(`/proc/sys/net/${path}`, value)
}

/** True if the kernel was built and booted with IPv6. */
export const kernelHasIpv6 = (): boolean => existsSync('/proc/sys/net/ipv6')
