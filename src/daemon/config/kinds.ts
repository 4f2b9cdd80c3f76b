// The kinds of values that options take, on the command line and in the configuration file.

import { isIP } from 'node:net'
import type { Ulimit } from '../../api/types/container.ts'
import { invalid } from '../../lib/errors.ts'
import { parseSize } from '../../lib/size.ts'
import { parseDuration } from '../../lib/until.ts'

/** How values of one kind are read. Both readers throw `invalid` with what is wrong. */
export interface Kind<T> {
  /** What stands for the value in the help. */
  readonly placeholder: string
  /** True if the flag may stand alone. */
  readonly isSwitch?: boolean
  /** From the text of a flag. */
  parse(text: string): T
  /** From the JSON of the file. */
  read(value: unknown): T
  /** Joins the values of a flag that was given several times; without it, the last one counts. */
  join?(before: T, next: T): T
}

function expected(what: string, value: unknown): never {
  throw invalid(`expected ${what}, not ${JSON.stringify(value)}`)
}

const trueTexts = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const falseTexts = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

export const boolean: Kind<boolean> = {
  placeholder: '',
  isSwitch: true,
  parse(text) {
    if (trueTexts.has(text)) return true
    if (falseTexts.has(text)) return false
    throw invalid(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
  },
  read: value => (typeof value === 'boolean' ? value : expected('true or false', value)),
}

export const string: Kind<string> = {
  placeholder: 'string',
  parse: text => text,
  read: value => (typeof value === 'string' ? value : expected('a string', value)),
}

/** An integer between `low` and `high`. */
export const integer = (low = 0, high = Number.MAX_SAFE_INTEGER): Kind<number> => {
  const checked = (value: number) =>
    value >= low && value <= high ? value : expected(`a number from ${low} to ${high}`, value)
  return {
    placeholder: 'int',
    parse(text) {
      if (/^[+-]?\d+$/.test(text)) return checked(Number(text))
      throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
    },
    read: value => (Number.isSafeInteger(value) ? checked(Number(value)) : expected('a whole number', value)),
  }
}

/** One of a few words, in any case. */
export const oneOf = <const W extends string>(words: readonly W[], problem: string): Kind<W> => {
  const parse = (text: string) => {
    const word = words.find(candidate => candidate === text.toLowerCase())
    if (word === undefined) throw invalid(`${problem}: ${text}`)
    return word
  }
  return { placeholder: 'string', parse, read: value => parse(string.read(value)) }
}

/** A size in bytes. */
export const bytes: Kind<number> = {
  placeholder: 'bytes',
  parse: parseSize,
  read: value => (typeof value === 'number' && value >= 0 ? Math.trunc(value) : parseSize(string.read(value))),
}

/** A duration such as 1h30m, in milliseconds. */
export const duration: Kind<number> = {
  placeholder: 'duration',
  parse: readDuration,
  read: value => readDuration(string.read(value)),
}

function readDuration(text: string): number {
  const nanos = text === '0' ? 0n : parseDuration(text)
  return nanos === undefined || nanos < 0n ? expected('a duration such as 1h30m', text) : Number(nanos) / 1e6
}

function parseAddress(text: string): string {
  if (isIP(text) === 0) throw invalid(`invalid IP address: ${text}`)
  return text
}

/** An address, or '' for none. */
export const address: Kind<string> = {
  placeholder: 'ip',
  parse: parseAddress,
  read: value => (value === '' ? '' : parseAddress(string.read(value))),
}

/** Any number of values, each checked by `check`, which returns its final form. */
export const list = (
  check: (text: string) => string = text => text,
  placeholder = 'list',
): Kind<readonly string[]> => ({
  placeholder,
  parse: text => [check(text)],
  read: value => (Array.isArray(value) ? value.map(item => check(string.read(item))) : expected('a list', value)),
  join: (before, next) => [...before, ...next],
})

/** Addresses; a flag may hold several, separated by commas. */
export const addresses: Kind<readonly string[]> = {
  ...list(parseAddress),
  parse: text => text.split(',').map(parseAddress),
}

/** `key=value`, in any number. */
export const map: Kind<Readonly<Record<string, string>>> = {
  placeholder: 'map',
  parse(text) {
    const at = text.indexOf('=')
    return at < 0 ? { [text]: '' } : { [text.slice(0, at)]: text.slice(at + 1) }
  },
  read: value => Object.fromEntries(entries(value).map(([key, item]) => [key, string.read(item)])),
  join: (before, next) => ({ ...before, ...next }),
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : expected('an object', value)
}

/** Anything: for options that are accepted and not used. */
export const anything = (placeholder: string): Kind<unknown> => ({
  placeholder,
  parse: text => text,
  read: value => value,
})

/** An OCI runtime that containers can ask for by name. */
export interface RuntimeOption {
  readonly path: string
  readonly runtimeArgs: readonly string[]
}

/** `name=path`; in the file, `{name: {path, runtimeArgs}}`, or `{name: {runtimeType, options: {BinaryName}}}` for runc's. */
export const runtimes: Kind<Readonly<Record<string, RuntimeOption>>> = {
  placeholder: 'runtime',
  parse(text) {
    const [, name, path] = /^([^=]+)=(.+)$/.exec(text) ?? []
    if (name === undefined || path === undefined) throw invalid(`invalid runtime value: ${text}, expected name=path`)
    return { [name.trim()]: { path: path.trim(), runtimeArgs: [] } }
  },
  read: value => Object.fromEntries(entries(value).map(([name, item]) => [name, readRuntime(name, item)])),
  join: (before, next) => ({ ...before, ...next }),
}

function readRuntime(name: string, value: unknown): RuntimeOption {
  const fields = new Map(entries(value))
  const given = fields.get('path')
  const path = fields.has('runtimeType') ? pathByType(name, fields, given) : given
  if (typeof path !== 'string' || path === '') throw invalid(`runtime ${name} has no path`)
  return { path, runtimeArgs: list().read(fields.get('runtimeArgs') ?? []) }
}

// What containerd has is a shim of its own for each type; that of runc is given any OCI runtime.
function pathByType(name: string, fields: ReadonlyMap<string, unknown>, path: unknown): unknown {
  const type = string.read(fields.get('runtimeType'))
  if (path !== undefined) throw invalid(`runtime ${name} has both a path and a runtimeType`)
  if (type !== 'io.containerd.runc.v2') {
    throw invalid(`runtime ${name} has the type ${type}, which needs containerd: give the path of an OCI runtime`)
  }
  return new Map(entries(fields.get('options') ?? {})).get('BinaryName') ?? 'runc'
}

const ulimitNames = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
)

/** `name=soft[:hard]`; in the file, `{name: {Name, Soft, Hard}}`. */
export const ulimits: Kind<Readonly<Record<string, Ulimit>>> = {
  placeholder: 'ulimit',
  parse(text) {
    const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text)
    if (!match) throw invalid(`invalid ulimit argument: ${text}`)
    const [, Name = '', soft, hard = soft] = match
    return { [Name]: checkUlimit({ Name, Soft: Number(soft), Hard: Number(hard) }) }
  },
  read: value => Object.fromEntries(entries(value).map(([name, item]) => [name, readUlimit(name, item)])),
  join: (before, next) => ({ ...before, ...next }),
}

function readUlimit(name: string, value: unknown): Ulimit {
  const fields = new Map(entries(value))
  const number = (key: string) => integer(-1).read(fields.get(key))
  return checkUlimit({ Name: name, Soft: number('Soft'), Hard: number('Hard') })
}

function checkUlimit(limit: Ulimit): Ulimit {
  const { Name, Soft, Hard } = limit
  if (!ulimitNames.has(Name)) throw invalid(`invalid ulimit type: ${Name}`)
  if (Hard !== -1 && (Soft > Hard || Soft === -1)) {
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`)
  }
  return limit
}

/** A range of addresses from which networks get their subnets. */
export interface AddressPool {
  readonly base: string
  readonly size: number
}

/** `base=CIDR,size=N`; in the file, `[{base, size}]`. */
export const pools: Kind<readonly AddressPool[]> = {
  placeholder: 'pool-options',
  parse(text) {
    const fields = new Map(text.split(',').map(part => part.split('=', 2) as [string, string]))
    return [checkPool(fields.get('base') ?? '', Number(fields.get('size')))]
  },
  read: value =>
    Array.isArray(value)
      ? value.map(item => {
          const fields = new Map(entries(item))
          return checkPool(string.read(fields.get('base')), Number(fields.get('size')))
        })
      : expected('a list', value),
  join: (before, next) => [...before, ...next],
}

function checkPool(base: string, size: number): AddressPool {
  const [host = '', prefix = ''] = base.split('/')
  const bits = isIP(host) === 4 ? 32 : isIP(host) === 6 ? 128 : 0
  const isPrefix = /^\d+$/.test(prefix) && Number(prefix) <= bits
  if (bits === 0 || !isPrefix) throw invalid(`invalid base pool ${JSON.stringify(base)}`)
  if (!Number.isInteger(size) || size < Number(prefix) || size > bits) throw invalid(`invalid pool size: ${size}`)
  return { base, size }
}
