// Decodes JSON values as Go's encoding/json does: keys in any case, unknown ones ignored, null and absent are zero.

import { invalid } from '../lib/errors.ts'
import type { IntegerFormat, Schema, Static } from './schema.ts'

/** The parts of a JSON schema that src/api/schema.ts produces. */
interface Node {
  readonly type?: 'string' | 'boolean' | 'integer' | 'object' | 'array' | 'null'
  readonly title?: string
  readonly format?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly items?: Node | readonly Node[]
  readonly anyOf?: readonly Node[]
}

/** How values of one schema are read. */
interface Reader {
  /** The Go type, for messages. */
  readonly type: string
  zero(): unknown
  read(value: unknown): unknown
}

/** A value of the wrong type; structs put their name and field in front as it passes through them. */
class Mismatch extends Error {
  readonly what: string
  readonly type: string
  struct: string | undefined
  path = ''

  constructor(what: string, type: string) {
    super()
    this.what = what
    this.type = type
  }

  describe(): string {
    const target = this.struct === undefined ? 'Go value' : `Go struct field ${this.struct}.${this.path}`
    return `json: cannot unmarshal ${this.what} into ${target} of type ${this.type}`
  }
}

/**
 * A function that turns a parsed JSON value into what `schema` describes, with every field that is not optional
 * filled in. The keys of dictionaries come out sorted, as Go writes them. Throws `invalid` with Go's message.
 */
export function decoder<T extends Schema>(schema: T): (value: unknown) => Static<T> {
  const reader = readerOf(schema as Node)
  return value => {
    try {
      return reader.read(value) as Static<T>
    } catch (error) {
      throw error instanceof Mismatch ? invalid(error.describe()) : error
    }
  }
}

/** Go's zero value of `schema`: each call makes a fresh one. */
export function zero<T extends Schema>(schema: T): Static<T> {
  return readerOf(schema as Node).zero() as Static<T>
}

const readers = new WeakMap<Node, Reader>()

function readerOf(node: Node): Reader {
  let reader = readers.get(node)
  if (!reader) {
    reader = compile(node)
    readers.set(node, reader)
  }
  return reader
}

function compile(node: Node): Reader {
  if (node.anyOf) return union(node)
  switch (node.type) {
    case 'string':
      return scalar('string', '')
    case 'boolean':
      return scalar('bool', false)
    case 'integer':
      return integer((node.format ?? 'int64') as IntegerFormat)
    case 'array':
      return Array.isArray(node.items) ? tuple(node.items) : array(readerOf(node.items as Node))
    case 'object':
      return node.patternProperties ? dictionary(readerOf(firstValue(node.patternProperties))) : struct(node)
    default:
      throw new TypeError(`Schema has no Go type: ${JSON.stringify(node)}`)
  }
}

function firstValue(record: Readonly<Record<string, Node>>): Node {
  const [value] = Object.values(record)
  if (!value) throw new TypeError('Schema of a dictionary has no pattern')
  return value
}

// One alternative stands for itself; two are a type and null.
function union(node: Node): Reader {
  const [first, second] = node.anyOf ?? []
  if (!first) throw new TypeError('Schema of a union has no alternative')
  const inner = node.format === 'strslice' ? words() : readerOf(first)
  if (!second) return inner
  return { type: inner.type, zero: () => null, read: value => (value === null ? null : inner.read(value)) }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function scalar(type: 'string' | 'bool', zeroValue: string | boolean): Reader {
  const expected = typeof zeroValue
  return {
    type,
    zero: () => zeroValue,
    read(value) {
      if (typeof value === expected) return value
      if (value === null) return zeroValue
      throw new Mismatch(kindOf(value), type)
    },
  }
}

const ranges: Record<IntegerFormat, readonly [number, number]> = {
  int64: [-(2 ** 63), 2 ** 63],
  int: [-(2 ** 63), 2 ** 63],
  uint64: [0, 2 ** 64],
  uint: [0, 2 ** 64],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint16: [0, 2 ** 16 - 1],
}

// The largest doubles below 2^63 and 2^64: what the limits of 64-bit integers become, so that they can be written back.
const nearest = new Map([
  [2 ** 63, 2 ** 63 - 1024],
  [2 ** 64, 2 ** 64 - 2048],
])

function integer(format: IntegerFormat): Reader {
  const [low, high] = ranges[format]
  return {
    type: format,
    zero: () => 0,
    read(value) {
      if (value === null) return 0
      if (typeof value !== 'number') throw new Mismatch(kindOf(value), format)
      if (!Number.isInteger(value) || value < low || value > high) throw new Mismatch(`number ${value}`, format)
      return nearest.get(value) ?? (value === 0 ? 0 : value)
    },
  }
}

function array(item: Reader): Reader {
  const type = `[]${item.type}`
  return {
    type,
    zero: () => null,
    read(value) {
      if (!Array.isArray(value)) throw new Mismatch(kindOf(value), type)
      return value.map(item.read)
    },
  }
}

function tuple(nodes: readonly Node[]): Reader {
  const items = nodes.map(readerOf)
  const type = `[${items.length}]${items[0]?.type}`
  return {
    type,
    zero: () => items.map(item => item.zero()),
    read(value) {
      if (value === null) return items.map(item => item.zero())
      if (!Array.isArray(value)) throw new Mismatch(kindOf(value), type)
      return items.map((item, index) => (index in value ? item.read(value[index]) : item.zero()))
    },
  }
}

// A lone string is a list of one.
function words(): Reader {
  const strings = array(scalar('string', ''))
  return {
    type: strings.type,
    zero: () => null,
    read(value) {
      if (typeof value === 'string') return [value]
      if (!Array.isArray(value) || value.some(item => item !== null && typeof item !== 'string')) {
        throw new Mismatch(kindOf(value), 'string')
      }
      return strings.read(value)
    },
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function dictionary(item: Reader): Reader {
  const type = `map[string]${item.type}`
  return {
    type,
    zero: () => null,
    read(value) {
      if (!isObject(value)) throw new Mismatch(kindOf(value), type)
      // fromEntries defines properties, so that a key named __proto__ is a key like any other.
      const keys = Object.keys(value).toSorted()
      return Object.fromEntries(keys.map(key => [key, item.read(value[key])]))
    },
  }
}

interface Field {
  readonly name: string
  readonly reader: Reader
  readonly optional: boolean
  /** Left out when zero or empty, as omitempty does for what is not a struct or pointer. */
  readonly dropsZero: boolean
}

function fieldsOf(node: Node): Field[] {
  const required = new Set(node.required)
  return Object.entries(node.properties ?? {}).map(([name, child]) => {
    const optional = !required.has(name)
    const keepsZero = child.anyOf?.length === 1 || child.properties !== undefined || Array.isArray(child.items)
    return { name, reader: readerOf(child), optional, dropsZero: optional && !keepsZero }
  })
}

const isEmpty = (value: unknown) =>
  value === '' ||
  value === 0 ||
  value === false ||
  value === null ||
  (typeof value === 'object' && Object.keys(value as object).length === 0)

function struct(node: Node): Reader {
  const name = node.title ?? 'struct {}'
  const fields = fieldsOf(node)
  const byName = new Map(fields.map(field => [field.name, field]))
  const byFoldedName = new Map(fields.map(field => [field.name.toLowerCase(), field]))
  const zeroStruct = () =>
    Object.fromEntries(fields.filter(field => !field.optional).map(field => [field.name, field.reader.zero()]))

  const findField = (key: string) => byName.get(key) ?? byFoldedName.get(key.toLowerCase())

  return {
    type: name,
    zero: zeroStruct,
    read(value) {
      if (value === null) return zeroStruct()
      if (!isObject(value)) throw new Mismatch(kindOf(value), name)
      const input = new Map<Field, unknown>()
      for (const key of Object.keys(value)) {
        const field = findField(key)
        if (field) input.set(field, value[key])
      }
      return readFields(name, fields, input)
    },
  }
}

// Fields come out in the order of the declaration, whatever order they were sent in.
function readFields(type: string, fields: readonly Field[], input: ReadonlyMap<Field, unknown>) {
  const result: Record<string, unknown> = {}
  for (const field of fields) {
    const value = input.get(field)
    const absent = value === undefined || (value === null && field.optional)
    if (absent && field.optional) continue
    const decoded = absent ? field.reader.zero() : readField(type, field, value)
    if (!(field.dropsZero && isEmpty(decoded))) result[field.name] = decoded
  }
  return result
}

function readField(type: string, field: Field, value: unknown): unknown {
  try {
    return field.reader.read(value)
  } catch (error) {
    if (error instanceof Mismatch) {
      error.struct ??= type
      error.path = error.path === '' ? field.name : `${field.name}.${error.path}`
    }
    throw error
  }
}
