// Command-line flags with Go's grammar, as the docker CLI has them: declared as data, typed when asked for.

import { parseBoolean, parseDecimal, parseDuration, parseInteger, parseSize } from './values.ts'

/** How a flag's value is read. `list` may be given many times; `size` is bytes; `duration` is nanoseconds. */
export type FlagKind = 'bool' | 'text' | 'list' | 'int' | 'float' | 'size' | 'duration'

export interface Flag {
  readonly name: string
  readonly short?: string
  readonly kind: FlagKind
  readonly help: string
  /** Throws if a value can't be, before anything is done with it. */
  readonly check?: (text: string) => void
}

/** Declares a flag: `flag('memory', 'size', 'Memory limit', 'm')`. */
export function flag(name: string, kind: FlagKind, help: string, short?: string): Flag {
  return short === undefined ? { name, kind, help } : { name, kind, help, short }
}

/** The same flag, with `check` for each of its values. */
export const checked = (item: Flag, check: (text: string) => void): Flag => ({ ...item, check })

/** A wrong command line: the usage is shown with it. */
export class UsageError extends Error {
  readonly exitCode: number
  /** How docker begins the line that points to --help. */
  readonly hint: 'Run' | 'See'

  constructor(message: string, exitCode = 125, hint: 'Run' | 'See' = 'Run') {
    super(message)
    this.name = 'UsageError'
    this.exitCode = exitCode
    this.hint = hint
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
  const values = new Map<string, unknown>()
  const operands: string[] = []
  const rest = [...argv]
  const known = [...flags, helpFlag]
  const set: Setter = (item, text) => values.set(item.name, readValue(item, text, values.get(item.name)))
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('--') && word !== '--') readLong(word, known, rest, set)
    else if (word.startsWith('-') && word !== '-' && word !== '--') readShort(word, known, rest, set)
    else {
      if (word !== '--') operands.push(word)
      if (stopAtOperand || word === '--') operands.push(...rest.splice(0))
    }
  }
  return { flags: new FlagValues(values), operands, help: values.get('help') === true }
}

type Setter = (item: Flag, text: string) => void

const helpFlag: Flag = { name: 'help', kind: 'bool', help: 'Show this help' }

/** The text of `--help`. */
export function helpText(usage: string, summary: string, flags: readonly Flag[]): string {
  const sorted = flags.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const rows = [...sorted, helpFlag].map(item => [namesOf(item), item.help] as const)
  const width = Math.max(...rows.map(([names]) => names.length)) + 3
  const lines = rows.map(([names, help]) => `  ${names.padEnd(width)}${help}\n`)
  return `Usage:  gantry ${usage}\n\n${summary}\n\nOptions:\n${lines.join('')}`
}

// As the docker CLI calls them in its help.
const kindNames: Readonly<Partial<Record<FlagKind, string>>> = { text: 'string', float: 'decimal', size: 'bytes' }

function namesOf({ name, short, kind }: Flag): string {
  const long = kind === 'bool' ? `--${name}` : `--${name} ${kindNames[kind] ?? kind}`
  return short === undefined ? `    ${long}` : `-${short}, ${long}`
}

function readValue(item: Flag, text: string, before: unknown): unknown {
  try {
    item.check?.(text)
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
      return parseDecimal(text)
    case 'size':
      return parseSize(text)
    case 'duration':
      return parseDuration(text)
  }
}

function readLong(word: string, flags: readonly Flag[], rest: string[], set: Setter) {
  const [name = '', ...values] = word.slice(2).split('=')
  const item = flags.find(candidate => candidate.name === name)
  if (!item) throw new UsageError(`unknown flag: --${name}`)
  const given = values.length > 0 ? values.join('=') : undefined
  const value = given ?? (item.kind === 'bool' ? 'true' : rest.shift())
  if (value === undefined) throw new UsageError(`flag needs an argument: --${name}`)
  set(item, value)
}

// -it, -p80, -p 80, -p=80: all after the first letter that takes a value is that value.
function readShort(word: string, flags: readonly Flag[], rest: string[], set: Setter) {
  const letters = word.slice(1)
  for (let at = 0; at < letters.length; at++) {
    const letter = letters.charAt(at)
    const item = flags.find(candidate => candidate.short === letter) ?? (letter === 'h' ? helpFlag : undefined)
    if (!item) throw new UsageError(`unknown shorthand flag: '${letter}' in -${letters.slice(at)}`)
    const tail = letters.slice(at + 1)
    if (item.kind === 'bool' && !tail.startsWith('=')) {
      set(item, 'true')
      continue
    }
    const value = tail === '' ? rest.shift() : tail.replace(/^=/, '')
    if (value === undefined) throw new UsageError(`flag needs an argument: '${letter}' in -${letters.slice(at)}`)
    set(item, value)
    return
  }
}
