// The vocabulary in which the Engine API's shapes are declared: JSON schemas that also know Go's zero values.

import type {
  Static,
  TArray,
  TBoolean,
  TInteger,
  TNull,
  TObject,
  TOptional,
  TProperties,
  TRecord,
  TSchema,
  TString,
  TTuple,
  TUnion,
} from 'typebox'

/** Integer types of Go; the decoder refuses what does not fit, as Go does. */
export type IntegerFormat = 'int64' | 'uint64' | 'int32' | 'uint32' | 'uint16' | 'int' | 'uint'

/** The type that a schema describes. */
export type { Static, TSchema as Schema }

// TypeBox gives the types only. Its constructors would make the same objects, but to load them takes the daemon half as
// long as all the rest of its start.
const schema = <T extends TSchema>(keywords: object) => keywords as T

const nothing = () => schema<TNull>({ type: 'null' })
const either = <T extends TSchema[]>(...anyOf: T) => schema<TUnion<T>>({ anyOf })
const array = <T extends TSchema>(items: T) => schema<TArray<T>>({ type: 'array', items })
const record = <T extends TSchema>(value: T) =>
  schema<TRecord<'^.*$', T>>({ type: 'object', patternProperties: { '^.*$': value } })

/** A string; absent and null are ''. */
export const text = () => schema<TString>({ type: 'string' })

/** A boolean; absent and null are false. */
export const flag = () => schema<TBoolean>({ type: 'boolean' })

/** An integer; absent and null are 0. */
export const integer = (format: IntegerFormat = 'int64') => schema<TInteger>({ type: 'integer', format })

/** A list; absent and null are null, which is not the same as empty. */
export const list = <T extends TSchema>(item: T) => nullable(array(item))

/** A list of strings that may also be given as a single string (Go's strslice). */
export const words = () => schema<ReturnType<typeof list<TString>>>({ ...list(text()), format: 'strslice' })

/** An object with arbitrary keys; absent and null are null. */
export const dictionary = <T extends TSchema>(value: T) => nullable(record(value))

/** Names only: an object whose values are `{}`. */
export const nameSet = () => dictionary(struct('struct {}', {}))

/** A value that may be missing: absent is null. For shapes whose zero value differs from "not said". */
export const nullable = <T extends TSchema>(value: T) => either(value, nothing())

/** A field that is left out when it holds its zero value, such as '' or an empty list (Go's omitempty). */
export const omitted = <T extends TSchema>(value: T) => schema<TOptional<T>>({ ...value, '~optional': true })

/** A field that is left out when it was not given, and kept when it was given as zero (omitempty on a pointer). */
export const given = <T extends TSchema>(value: T) => omitted(either(value))

/** Rows and columns, or zero when not known. */
export const size = () =>
  schema<TTuple<[TInteger, TInteger]>>({ type: 'array', items: [integer('uint'), integer('uint')] })

/** An object with fixed fields; `name` is the Go type that error messages show. */
export const struct = <P extends TProperties>(name: string, properties: P) =>
  schema<TObject<P>>({ type: 'object', title: name, properties, required: requiredOf(properties) })

const requiredOf = (properties: TProperties) =>
  Object.keys(properties).filter(name => !('~optional' in (properties[name] as object)))
