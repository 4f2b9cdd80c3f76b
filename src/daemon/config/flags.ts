// Reads the command line as Go's pflag does.

import { GantryError, invalid } from '../../lib/errors.ts'
import type { Option } from './options.ts'

/** What the command line says: a value for each option given, or a question to answer. */
export interface Flags {
  readonly values: ReadonlyMap<Option, unknown>
  readonly wants: 'help' | 'version' | undefined
}

/** Reads `args` (without the program). Throws `invalid` in pflag's words. */
export function parseFlags(args: readonly string[], options: readonly Option[]): Flags {
  const reader = new FlagReader(args, options)
  reader.read()
  return reader
}

class FlagReader implements Flags {
  readonly values = new Map<Option, unknown>()
  wants: Flags['wants']
  readonly #args: string[]
  readonly #long: ReadonlyMap<string, Option>
  readonly #short: ReadonlyMap<string, Option>

  constructor(args: readonly string[], options: readonly Option[]) {
    this.#args = [...args]
    this.#long = new Map(options.map(option => [option.flag, option]))
    this.#short = new Map(options.flatMap(option => (option.short === undefined ? [] : [[option.short, option]])))
  }

  read() {
    for (let arg = this.#args.shift(); arg !== undefined; arg = this.#args.shift()) {
      if (arg === '--') break
      if (arg.startsWith('--')) this.#readLong(arg)
      else if (arg.startsWith('-') && arg !== '-') this.#readShort(arg.slice(1))
      else throw invalid(`unexpected argument: ${arg}`)
    }
    const [extra] = this.#args
    if (extra !== undefined) throw invalid(`unexpected argument: ${extra}`)
  }

  #readLong(arg: string) {
    const [, name = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? []
    if (name === 'help' || name === 'version') {
      this.wants ??= name
      return
    }
    const option = this.#long.get(name)
    if (!option) throw invalid(`unknown flag: --${name}`)
    this.#set(option, value ?? this.#valueFor(option, `--${name}`))
  }

  // -Dl info: switches may be followed by more letters, others by their value.
  #readShort(letters: string) {
    for (let at = 0; at < letters.length; at++) {
      const letter = letters.charAt(at)
      if (letter === 'h' || letter === 'v') {
        this.wants ??= letter === 'h' ? 'help' : 'version'
        continue
      }
      const option = this.#short.get(letter)
      if (!option) throw invalid(`unknown shorthand flag: '${letter}' in -${letters}`)
      const rest = letters.slice(at + 1)
      if (option.kind.isSwitch && !rest.startsWith('=')) {
        this.#set(option, 'true')
        continue
      }
      this.#set(option, rest === '' ? this.#next(`'${letter}' in -${letters}`) : rest.replace(/^=/, ''))
      return
    }
  }

  #valueFor(option: Option, name: string): string {
    return option.kind.isSwitch ? 'true' : this.#next(name)
  }

  #next(name: string): string {
    const value = this.#args.shift()
    if (value === undefined) throw invalid(`flag needs an argument: ${name}`)
    return value
  }

  #set(option: Option, text: string) {
    const value = parseValue(option, text)
    const before = this.values.get(option)
    this.values.set(option, before === undefined || !option.kind.join ? value : option.kind.join(before, value))
  }
}

function parseValue(option: Option, text: string): unknown {
  try {
    return option.kind.parse(text)
  } catch (cause) {
    if (!(cause instanceof GantryError)) throw cause
    const name = option.short === undefined ? `--${option.flag}` : `-${option.short}, --${option.flag}`
    throw invalid(`invalid argument ${JSON.stringify(text)} for "${name}" flag: ${cause.message}`, { cause })
  }
}
