// Sysctls a container may set: only those that belong to a namespace of its own.

import { invalid } from '../lib/errors.ts'

/** Which namespaces are the container's own, not shared. */
export interface OwnNamespaces {
  ipc: boolean
  network: boolean
  uts: boolean
}

const ipcSysctls = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
])

/**
 * Throws for a sysctl that would change the host, in the words of runc. Names may use dots or slashes as sysctl(8)
 * allows; one that could name another file is refused.
 */
export function checkSysctls(sysctls: Readonly<Record<string, string>>, own: OwnNamespaces) {
  for (const [given, value] of Object.entries(sysctls)) {
    const name = dotted(given)
    if (name === undefined || /[\0\n]/.test(value)) throw invalid(`invalid sysctl ${JSON.stringify(given)}`)
    checkSysctl(given, name, own)
  }
}

function checkSysctl(given: string, name: string, own: OwnNamespaces) {
  const quoted = JSON.stringify(given)
  if (name === 'kernel.hostname') {
    throw invalid(`sysctl ${quoted} is not allowed as it conflicts with the OCI "hostname" field`)
  }
  if (ipcSysctls.has(name) || name.startsWith('fs.mqueue.')) {
    if (own.ipc) return
    throw invalid(`sysctl ${quoted} is not allowed in the hosts ipc namespace`)
  }
  if (name.startsWith('net.')) {
    if (own.network) return
    throw invalid(`sysctl ${quoted} not allowed in host network namespace`)
  }
  if (name === 'kernel.domainname') {
    if (own.uts) return
    throw invalid(`sysctl ${quoted} is not allowed in the hosts uts namespace`)
  }
  throw invalid(`sysctl ${quoted} is not in a separate kernel namespace`)
}

const isPlain = (part: string) => part !== '' && part !== '.' && part !== '..'

/** The name with dots between its parts; undefined if a part is empty, `.` or `..`. */
function dotted(name: string): string | undefined {
  if (!/^[\w.:@/*-]+$/.test(name)) return undefined
  // If a slash comes first, slashes separate and dots are literal.
  const swap = /^[^./]*\//.test(name)
  const separator = swap ? '/' : '.'
  const parts = name.split(separator)
  // A dot form with slashes inside a part stands for dots in an interface's name.
  if (!parts.every(part => part.split('/').every(isPlain))) return undefined
  return parts.join('.')
}
