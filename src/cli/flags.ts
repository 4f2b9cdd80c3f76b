// Command-line flags as the docker CLI has them: declared as data, read with Go's grammar, typed when asked for.

import { Command, Option } from 'commander'
import { parseBoolean, parseDuration, parseInteger, parseSize } from './values.ts'

/** How a flag's value is read. `list` may be given many times; `size` is bytes; `duration` is nanoseconds. */
export type FlagKind = 'bool' | 'text' | 'list' | 'int' | 'float' | 'size' | 'duration'

export interface Flag {
  readonly name: string
  readonly short?: string
  readonly kind: FlagKind
  readonly help: string
}

/** Declares a flag: `flag('memory', 'size', 'Memory limit', 'm')`. */
export function flag(name: string, kind: FlagKind, help: string, short?: string): Flag {
  return short === undefined ? { name, kind, help } : { name, kind, help, short }
}

/** A wrong command line. `usage` says whether the usage is to be shown with it. */
export class UsageError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 125) {
    super(message)
    this.name = 'UsageError'
    this.exitCode = exitCode
  }
}

/** The flags that were given, by name. Reading one that was not declared or has another kind is a mistake. */
export class FlagValues {
  readonly #values: ReadonlyMap<string, unknown>

  constructor(values: ReadonlyMap<string, unknown>) {
    this.#values = values
  }

  /** True if the flag was given, whatever its value. */
  has(name: string): boolean {
    return this.#values.has(name)
  }

  bool(name: string): boolean {
    return this.#values.get(name) === true
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  list(name: string): string[] {
    const value = this.#values.get(name)
    return Array.isArray(value) ? value : []
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name)
    return typeof value === 'number' ? value : undefined
  }
}

/** What a command line says. */
export interface Parsed {
  readonly flags: FlagValues
  readonly operands: readonly string[]
  readonly help: boolean
}

/** Reads `argv`; flags stop at the first operand if `stopAtOperand`. Throws UsageError with Docker's texts. */
export function parseFlags(argv: readonly string[], flags: readonly Flag[], stopAtOperand: boolean): Parsed {
  const command = commandFor('', '', flags, ' <bool>').exitOverride()
  const values = new Map<string, unknown>()
  for (const item of flags) {
    command.on(`option:${item.name}`, text => values.set(item.name, readValue(item, text, values.get(item.name))))
  }
  command.on('option:help', () => values.set('help', true))
  const { canonical, operands } = canonicalize(argv, [...flags, helpFlag], stopAtOperand)
  command.parseOptions(canonical)
  return { flags: new FlagValues(values), operands, help: values.has('help') }
}

/** The text of `--help`. */
export function helpText(usage: string, summary: string, flags: readonly Flag[]): string {
  return commandFor(usage, summary, flags, '').helpInformation()
}

const helpFlag: Flag = { name: 'help', kind: 'bool', help: 'Show this help' }

// `booleans` is what follows a bool's name: they take a value once canonicalized, though nobody types it.
function commandFor(usage: string, summary: string, flags: readonly Flag[], booleans: string): Command {
  const command = new Command('gantry').usage(usage).description(summary).helpOption(false)
  for (const item of [...flags.toSorted((a, b) => (a.name < b.name ? -1 : 1)), helpFlag]) {
    const long = `--${item.name}${item.kind === 'bool' ? booleans : ` <${item.kind}>`}`
    command.addOption(new Option(item.short ? `-${item.short}, ${long}` : long, item.help))
  }
  return command
}

function readValue(item: Flag, text: string, before: unknown): unknown {
  try {
    return convert(item.kind, text, before)
  } catch (error) {
    const names = item.short ? `-${item.short}, --${item.name}` : `--${item.name}`
    const why = error instanceof Error ? error.message : String(error)
    throw new UsageError(`invalid argument ${JSON.stringify(text)} for "${names}" flag: ${why}`)
  }
}

function convert(kind: FlagKind, text: string, before: unknown): unknown {
  switch (kind) {
    case 'bool':
      return parseBoolean(text)
    case 'text':
      return text
    case 'list':
      return Array.isArray(before) ? [...before, text] : [text]
    case 'int':
      return parseInteger(text)
    case 'float':
      return Number(text)
    case 'size':
      return parseSize(text)
    case 'duration':
      return parseDuration(text)
  }
}

/** Brings Go's forms (-it, -p80, -m=1g, --rm=false, --) into the one form `--name=value`, and takes operands apart. */
function canonicalize(argv: readonly string[], flags: readonly Flag[], stopAtOperand: boolean) {
  const canonical: string[] = []
  const operands: string[] = []
  const rest = [...argv]
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') return { canonical, operands: [...operands, ...rest] }
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word)
      if (stopAtOperand) return { canonical, operands: [...operands, ...rest] }
    } else if (word.startsWith('--')) canonical.push(readLong(word, flags, rest))
    else canonical.push(...readShort(word, flags, rest))
  }
  return { canonical, operands }
}

function readLong(word: string, flags: readonly Flag[], rest: string[]): string {
  const [name = '', ...values] = word.slice(2).split('=')
  const item = flags.find(candidate => candidate.name === name)
  if (!item) throw new UsageError(`unknown flag: --${name}`)
  if (values.length > 0) return `--${name}=${values.join('=')}`
  if (item.kind === 'bool') return `--${name}=true`
  const value = rest.shift()
  if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`)
  return `--${name}=${value}`
}

function readShort(word: string, flags: readonly Flag[], rest: string[]): string[] {
  const found: string[] = []
  const letters = word.slice(1)
  for (let at = 0; at < letters.length; at++) {
    const letter = letters.charAt(at)
    const item = letter === 'h' ? (findShort(flags, 'h') ?? helpFlag) : findShort(flags, letter)
    if (!item) throw new UsageError(`unknown shorthand flag: '${letter}' in -${letters.slice(at)}`)
    const tail = letters.slice(at + 1)
    if (item.kind === 'bool' && !tail.startsWith('=')) {
      found.push(`--${item.name}=true`)
      continue
    }
    const value = tail === '' ? rest.shift() : tail.replace(/^=/, '')
    if (value === undefined) throw new UsageError(`flag needs an argument: '${letter}' in -${letters.slice(at)}`)
    return [...found, `--${item.name}=${value}`]
  }
  return found
}

const findShort = (flags: readonly Flag[], letter: string) => flags.find(item => item.short === letter)
