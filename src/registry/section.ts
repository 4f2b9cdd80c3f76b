// A mapping of the configuration file, read value by value; what is not what it should be is said with its place.

import { parseDuration } from '../lib/until.ts'

/** A mapping of the file, which has to be what it is asked for; what nobody asks for is an error. */
export class Section {
  readonly path: string
  readonly #values: Readonly<Record<string, unknown>>
  /** What there may be; asking for it says so. */
  readonly #asked: Set<string>

  constructor(value: unknown, path: string, known: readonly string[] = []) {
    this.#asked = new Set(known)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Error(`${path || 'the file'}: expected names with values`)
    }
    this.path = path
    this.#values = value as Record<string, unknown>
  }

  get isEmpty(): boolean {
    return Object.keys(this.#values).length === 0
  }

  #at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }

  #get(name: string): unknown {
    this.#asked.add(name)
    return this.#values[name] ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.#get(name)
    if (value === undefined || typeof value === 'string') return value
    throw new Error(`${this.#at(name)}: expected a text, not ${JSON.stringify(value)}`)
  }

  /** Milliseconds; days may come first. */
  duration(name: string): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const inHours = text.replace(/^(\d{1,5})d/, (_, days: string) => `${Number(days) * 24}h`)
    const nanos = text === '0' ? 0n : parseDuration(inHours)
    if (nanos === undefined || nanos < 0n) {
      throw new Error(`${this.#at(name)}: expected a duration such as 30d or 1h30m, not ${JSON.stringify(text)}`)
    }
    return Number(nanos) / 1e6
  }

  /** A whole number from 0 on. */
  count(name: string): number | undefined {
    const value = this.#get(name)
    if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)) return value as number | undefined
    throw new Error(`${this.#at(name)}: expected a whole number, not ${JSON.stringify(value)}`)
  }

  flag(name: string): boolean {
    const value = this.#get(name) ?? false
    if (typeof value === 'boolean') return value
    throw new Error(`${this.#at(name)}: expected true or false, not ${JSON.stringify(value)}`)
  }

  list(name: string): string[] {
    return checkList(this.#get(name) ?? [], this.#at(name))
  }

  texts(name: string): [string, string][] {
    const section = this.section(name)
    return Object.keys(section.#values).map(key => [key, section.text(key) ?? ''])
  }

  lists(name: string): [string, string[]][] {
    const section = this.section(name)
    return Object.keys(section.#values).map(key => [key, section.list(key)])
  }

  section(name: string, known: readonly string[] = []): Section {
    return new Section(this.#get(name) ?? {}, this.#at(name), known)
  }

  sections(name: string): Section[] {
    const value = this.#get(name) ?? []
    if (!Array.isArray(value)) throw new Error(`${this.#at(name)}: expected a list`)
    return value.map((item: unknown, index) => new Section(item, `${this.#at(name)}[${index}]`))
  }

  /** Throws if there is anything that nobody asked for. */
  finish(): void {
    const unknown = Object.keys(this.#values).find(name => !this.#asked.has(name))
    if (unknown !== undefined) throw new Error(`${this.#at(unknown)}: there is no such setting`)
  }
}

function checkList(value: unknown, path: string): string[] {
  if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value
  throw new Error(`${path}: expected a list of texts, not ${JSON.stringify(value)}`)
}
