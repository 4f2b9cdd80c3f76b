// Processes of the host, found by what their command lines say.

import { readFileSync, readdirSync } from 'node:fs'

/** All processes of the host. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
}

/** The argument vector of a process; empty if it is gone or a zombie. */
export function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
  } catch {
    return []
  }
}

/** Those of `pids` one of whose arguments contains `text`: command lines by process id. */
export function processesMentioning(text: string, pids: Iterable<number>): Map<number, string> {
  const found = new Map<number, string>()
  for (const pid of pids) {
    const argv = commandLine(pid)
    if (argv.some(argument => argument.includes(text))) found.set(pid, argv.join(' '))
  }
  return found
}
