// Options of tmpfs mounts: `--tmpfs PATH:options` and mounts of type tmpfs.

import { invalid } from '../lib/errors.ts'

// Options that undo each other, or say the same twice, share a key: the last one wins.
const flags = new Map<string, string>(
  Object.entries({
    ro: 'rdonly',
    rw: 'rdonly',
    suid: 'suid',
    nosuid: 'suid',
    dev: 'dev',
    nodev: 'dev',
    exec: 'exec',
    noexec: 'exec',
    sync: 'sync',
    async: 'sync',
    dirsync: 'dirsync',
    remount: 'remount',
    mand: 'mand',
    nomand: 'mand',
    atime: 'atime',
    noatime: 'atime',
    diratime: 'diratime',
    nodiratime: 'diratime',
    bind: 'propagation',
    rbind: 'propagation',
    unbindable: 'propagation',
    runbindable: 'propagation',
    private: 'propagation',
    rprivate: 'propagation',
    shared: 'propagation',
    rshared: 'propagation',
    slave: 'propagation',
    rslave: 'propagation',
    relatime: 'relatime',
    norelatime: 'relatime',
    strictatime: 'strictatime',
    nostrictatime: 'strictatime',
  }),
)

const settings = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol'])

/** The runtime's options for a tmpfs with a user's comma-separated `data` on top of the safe defaults. */
export function tmpfsOptions(data: string): string[] {
  const given = data === '' ? [] : data.split(',')
  const seen = new Set<string>()
  const options: string[] = []
  for (const option of ['noexec', 'nosuid', 'nodev', 'rprivate', ...given].toReversed()) {
    if (option === 'defaults') continue
    const key = flags.get(option) ?? settingOf(option)
    if (seen.has(key)) continue
    seen.add(key)
    options.unshift(option)
  }
  return options
}

function settingOf(option: string): string {
  const [name = '', value] = option.split('=', 2)
  if (value === undefined || !settings.has(name))
    throw invalid(
      `invalid tmpfs option [${option
        .split('=', 2)
        .map(part => JSON.stringify(part))
        .join(' ')}]`,
    )
  return name
}

/** TmpfsOptions of a mount; the size in bytes, the mode as a number. */
export interface TmpfsRequest {
  SizeBytes?: number | null
  Mode?: number | null
  Options?: readonly (readonly string[] | null)[] | null
}

/** A mount's tmpfs options in the comma-separated form. Throws dockerd's message for a wrong one. */
export function tmpfsData(request: TmpfsRequest | null | undefined, readonly: boolean): string {
  const data: string[] = readonly ? ['ro'] : []
  if (request?.Mode) data.push(`mode=${request.Mode.toString(8)}`)
  if (request?.SizeBytes) data.push(`size=${formatSize(request.SizeBytes)}`)
  for (const given of request?.Options ?? []) {
    const option = given ?? []
    if (option.length < 1 || option.length > 2) throw invalid('invalid option array length')
    if (!['exec', 'noexec'].includes(option[0] ?? '')) throw invalid(`invalid option: ${option[0]}`)
    data.push(option.join('='))
  }
  return data.join(',')
}

/** With the largest suffix that divides it, as dockerd writes sizes. */
function formatSize(bytes: number): string {
  for (const [suffix, unit] of [
    ['g', 2 ** 30],
    ['m', 2 ** 20],
    ['k', 2 ** 10],
  ] as const) {
    if (bytes % unit === 0) return `${bytes / unit}${suffix}`
  }
  return String(bytes)
}
