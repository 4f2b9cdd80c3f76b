// The mounts of this process's namespace, from /proc/self/mountinfo (proc(5)).

import { readFileSync } from 'node:fs'

/** A mount: where it is, and how it propagates. */
export interface MountEntry {
  mountPoint: string
  fileSystem: string
  shared: boolean
  slave: boolean
  /** Options of the file system, comma-separated. */
  options: string
}

/** Reads the table, in the order of mounting. */
export function readMountTable(): MountEntry[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n').map(parseEntry)
}

/** Parses a line; the optional fields end at a lone dash. */
export function parseEntry(line: string): MountEntry {
  const fields = line.split(' ')
  const dash = fields.indexOf('-', 6)
  const optional = fields.slice(6, dash)
  return {
    mountPoint: unescape(fields[4] ?? ''),
    fileSystem: fields[dash + 1] ?? '',
    shared: optional.some(field => field.startsWith('shared:')),
    slave: optional.some(field => field.startsWith('master:')),
    options: fields[dash + 3] ?? '',
  }
}

// Space, tab, newline and backslash are written as three octal digits.
const unescape = (text: string) =>
  text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
