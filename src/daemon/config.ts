// The daemon's configuration: flags and file merged and checked once, then frozen.

import { join, resolve } from 'node:path'
import { invalid } from '../lib/errors.ts'
import type { LogLevel } from '../lib/log.ts'
import { readConfigFile } from './config/file.ts'
import { parseFlags } from './config/flags.ts'
import { helpText } from './config/help.ts'
import { type Host, parseHost } from './config/hosts.ts'
import type { Kind } from './config/kinds.ts'
import { type Option, type OptionName, ignoredKeys, ignoredOptions, options, refusedOptions } from './config/options.ts'
import { schemeNotice, withoutScheme } from './config/registries.ts'

type Values = { readonly [N in OptionName]: (typeof options)[N]['kind'] extends Kind<infer T> ? T : never }

/** Everything an operator can set, with absolute paths and no conflicts. */
export interface Config extends Omit<Values, 'hosts' | 'logLevel' | 'tls' | 'tlsVerify' | 'execOptions'> {
  /** Where to listen; never empty. */
  readonly hosts: readonly Host[]
  /** True if the group was named by the operator, so that it must exist. */
  readonly groupRequired: boolean
  readonly logLevel: LogLevel
  /** How TCP listeners are secured; undefined if they are not. */
  readonly tls: { readonly certificate: string; readonly key: string; readonly ca: string | undefined } | undefined
  readonly pidfile: string
}

/** A configuration that can be run. */
export interface Configured {
  readonly config: Config
  /** For the log: what was accepted and changes nothing, and which of two values counts. */
  readonly notices: readonly string[]
}

/** What to do, as the command line has it. */
export type Command =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  /** It was only asked whether the configuration is fine. */
  | { readonly kind: 'validated'; readonly config: Config }
  | ({ readonly kind: 'run' } & Configured)

const allOptions: readonly Option[] = [...Object.values<Option>(options), ...ignoredOptions, ...refusedOptions]

/**
 * Reads the command line (without the program's name) and the configuration file. A flag counts more than the file.
 * Throws `invalid` in dockerd's words where it has them; the process should then exit with 1.
 */
export function loadConfig(args: readonly string[]): Command {
  const flags = parseFlags(args, allOptions)
  if (flags.wants === 'help') return { kind: 'help', text: helpText(allOptions) }
  if (flags.wants === 'version') return { kind: 'version' }
  const path = (flags.values.get(options.configFile) ?? options.configFile.default) as string
  const known = new Set(Object.keys(ignoredKeys))
  const file = readConfigFile(path, flags.values.has(options.configFile), allOptions, known)
  const given = new Map([...file.values, ...flags.values])
  refuse(given)
  const config = finish(valuesOf(given), given.has(options.group))
  if (flags.values.get(options.validate) === true) return { kind: 'validated', config }
  const notices = [
    ...ignoredNotices(given),
    ...cgroupNotices(given),
    ...registryNotices(given),
    ...file.ignoredKeys.map(key => `${key} in ${path} is ignored: ${ignoredKeys[key]}`),
    ...conflictNotices(flags.values, file.values),
  ]
  return { kind: 'run', config, notices }
}

type Given = ReadonlyMap<Option, unknown>

function valuesOf(given: Given): Values {
  const entries = Object.entries<Option>(options).map(([name, option]) => [name, given.get(option) ?? option.default])
  return Object.fromEntries(entries) as Values
}

const isSet = (option: Option, value: unknown) => JSON.stringify(value) !== JSON.stringify(option.default)

function refuse(given: Given) {
  const refused = refusedOptions.find(option => given.has(option) && isSet(option, given.get(option)))
  if (refused) throw invalid(`--${refused.flag} cannot be used. ${refused.help}`)
}

function ignoredNotices(given: Given): string[] {
  return allOptions
    .filter(option => option.ignored !== undefined && given.has(option))
    .map(({ flag, ignored }) => `--${flag} is ignored: ${ignored}`)
}

function conflictNotices(flags: Given, file: Given): string[] {
  const both = [...flags].filter(([option, value]) => file.has(option) && differs(value, file.get(option)))
  return both.map(
    ([option, value]) =>
      `${option.flag} is set twice: the flag (${JSON.stringify(value)}) counts, not the file (${JSON.stringify(file.get(option))})`,
  )
}

const differs = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b)

const levels: Readonly<Record<Values['logLevel'], LogLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
  panic: 'fatal',
}

function finish(values: Values, groupRequired: boolean): Config {
  const { hosts, execOptions, logLevel, tls: wantsTls, tlsVerify, ...rest } = values
  checkExecOptions(execOptions)
  checkLabels(values.labels)
  const secure = wantsTls || tlsVerify
  const execRoot = resolve(values.execRoot)
  return deepFreeze({
    ...rest,
    hosts: (hosts.length === 0 ? [''] : hosts).map(host => parseHost(host, secure)),
    groupRequired,
    insecureRegistries: values.insecureRegistries.map(withoutScheme),
    dataRoot: resolve(values.dataRoot),
    execRoot,
    pidfile: values.pidfile === '' ? join(execRoot, 'gantryd.pid') : resolve(values.pidfile),
    logLevel: values.debug ? 'debug' : levels[logLevel],
    tls: secure
      ? { certificate: values.tlsCert, key: values.tlsKey, ca: tlsVerify ? values.tlsCaCert : undefined }
      : undefined,
  })
}

function checkExecOptions(execOptions: readonly string[]) {
  for (const text of execOptions) {
    const [, key, value = ''] = /^\s*([^=]+?)\s*=\s*(.+?)\s*$/.exec(text) ?? []
    if (key === undefined) throw invalid(`invalid exec-opt (${text}): must be formatted 'opt=value'`)
    if (key !== 'native.cgroupdriver') throw invalid(`invalid exec-opt (${text}): unknown option: '${key}'`)
    if (!['cgroupfs', 'systemd'].includes(value)) {
      throw invalid(`invalid exec-opt (${text}): option '${key}' must be cgroupfs or systemd`)
    }
  }
}

function cgroupNotices(given: Given): string[] {
  const texts = (given.get(options.execOptions) ?? []) as readonly string[]
  const wantsSystemd = texts.some(text => text.trim().endsWith('systemd'))
  return wantsSystemd ? ['native.cgroupdriver=systemd is ignored: Gantry makes its cgroups itself'] : []
}

function registryNotices(given: Given): string[] {
  const names = (given.get(options.insecureRegistries) ?? []) as readonly string[]
  return names.flatMap(name => schemeNotice(name) ?? [])
}

function checkLabels(labels: readonly string[]) {
  const values = new Map<string, string>()
  for (const label of labels) {
    const at = label.indexOf('=')
    const [key, value] = [label.slice(0, at), label.slice(at + 1)]
    const before = values.get(key)
    if (before !== undefined && before !== value) {
      throw invalid(`conflict labels for ${key}=${value} and ${key}=${before}`)
    }
    values.set(key, value)
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
