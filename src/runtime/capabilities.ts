// Which capabilities a container gets: the default set, `--cap-add`, `--cap-drop` and `--privileged`.

import { invalid } from '../lib/errors.ts'

/** Every capability of Linux 6.x by its number (capabilities(7)). */
const byNumber = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
].map(name => `CAP_${name}`)

/** What a container has unless asked otherwise, in the order Docker writes it. */
export const defaultCapabilities: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
]

/** The capabilities in a bounding set as /proc/self/status shows it (hex), by number. */
export function capabilitiesOf(boundingSet: string): string[] {
  const bits = BigInt(`0x${boundingSet}`)
  return byNumber.filter((_, number) => (bits >> BigInt(number)) & 1n)
}

/**
 * Upper case, with CAP_; `ALL` stays. Throws what dockerd says for a name that doesn't exist, or that isn't in
 * `available`.
 */
export function normaliseCapabilities(names: readonly string[], available: readonly string[]): string[] {
  return names.map(given => {
    const upper = given.toUpperCase()
    if (upper === 'ALL') return upper
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`
    if (!byNumber.includes(name)) throw invalid(`unknown capability: "${name}"`)
    if (!available.includes(name)) {
      throw invalid(`capability not supported by your kernel or not available in the current environment: "${name}"`)
    }
    return name
  })
}

/** What a request says about capabilities. */
export interface CapabilityRequest {
  CapAdd?: readonly string[] | null
  CapDrop?: readonly string[] | null
  Privileged?: boolean | null
}

/** The bounding, permitted and effective set of a container; `available` is what the host can give. */
export function chooseCapabilities(request: CapabilityRequest, available: readonly string[]): string[] {
  const add = normaliseCapabilities(request.CapAdd ?? [], available)
  const drop = normaliseCapabilities(request.CapDrop ?? [], available)
  if (request.Privileged) return [...available]
  if (add.includes('ALL')) return available.filter(name => !drop.includes(name))
  if (drop.includes('ALL')) return unique(add)
  return unique([...defaultCapabilities.filter(name => !drop.includes(name)), ...add])
}

/** Checks the names when a container is created, with the field at fault in the message. */
export function checkCapabilities(request: CapabilityRequest, available: readonly string[]) {
  for (const field of ['CapAdd', 'CapDrop'] as const) {
    try {
      normaliseCapabilities(request[field] ?? [], available)
    } catch (error) {
      throw invalid(`invalid ${field}: ${(error as Error).message}`, { cause: error })
    }
  }
}

const unique = (names: readonly string[]) => [...new Set(names)]
