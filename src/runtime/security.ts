// `--security-opt`: parsed as dockerd does, and what it means for seccomp, AppArmor and privileges.

import { invalid } from '../lib/errors.ts'

/** The options, merged: the last of a kind wins. */
export interface SecurityOptions {
  noNewPrivileges: boolean
  /** `unconfined`, `builtin`, or a profile as JSON. */
  seccomp?: string
  /** A profile's name, or `unconfined`. */
  apparmor?: string
  /** SELinux label options: `disable`, `type:…`, … */
  labels: string[]
  /** Whether the cgroup tree may be written; privileged containers may unless this says otherwise. */
  writableCgroups?: boolean
  /** `systempaths=unconfined`: nothing masked, nothing read-only. The CLI sends empty lists of paths instead. */
  unconfinedPaths: boolean
}

/** Parses `--security-opt` values. Throws dockerd's message for one it doesn't know. */
export function parseSecurityOptions(options: readonly string[], noNewPrivileges = false): SecurityOptions {
  const parsed: SecurityOptions = { noNewPrivileges, labels: [], unconfinedPaths: false }
  for (const option of options) applyOption(parsed, option)
  return parsed
}

function applyOption(parsed: SecurityOptions, option: string) {
  if (option === 'disable') {
    parsed.labels.push(option)
    return
  }
  const [key, value] = split(option)
  switch (key) {
    case 'label':
      parsed.labels.push(value)
      return
    case 'apparmor':
      parsed.apparmor = value
      return
    case 'seccomp':
      parsed.seccomp = value
      return
    case 'no-new-privileges':
      parsed.noNewPrivileges = parseBoolean(value, option)
      return
    case 'writable-cgroups':
      parsed.writableCgroups = parseBoolean(value, option)
      return
    case 'systempaths':
      if (value !== 'unconfined') throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`)
      parsed.unconfinedPaths = true
      return
    default:
      throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`)
  }
}

/** Key and value; `=` separates, or `:` as very old clients have it. */
function split(option: string): [key: string, value: string] {
  if (option === 'no-new-privileges' || option === 'writable-cgroups') return [option, 'true']
  const separator = option.includes('=') ? '=' : ':'
  const at = option.indexOf(separator)
  if (at < 0) throw invalid(`invalid --security-opt 1: ${JSON.stringify(option)}`)
  return [option.slice(0, at), option.slice(at + 1)]
}

// The spellings that Go's strconv.ParseBool takes.
function parseBoolean(text: string, option: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false
  throw invalid(`invalid --security-opt 2: ${JSON.stringify(option)}`)
}
