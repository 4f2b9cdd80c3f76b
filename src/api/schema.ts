// The vocabulary in which the Engine API's shapes are declared: JSON schemas that also know Go's zero values.

import { type Static, type TProperties, type TSchema, Type } from 'typebox'

/** Integer types of Go; the decoder refuses what does not fit, as Go does. */
export type IntegerFormat = 'int64' | 'uint64' | 'int32' | 'uint32' | 'uint16' | 'int' | 'uint'

/** The type that a schema describes. */
export type { Static, TSchema as Schema }

/** A string; absent and null are ''. */
export const text = () => Type.String()

/** A boolean; absent and null are false. */
export const flag = () => Type.Boolean()

/** An integer; absent and null are 0. */
export const integer = (format: IntegerFormat = 'int64') => Type.Integer({ format })

/** A list; absent and null are null, which is not the same as empty. */
export const list = <T extends TSchema>(item: T) => Type.Union([Type.Array(item), Type.Null()])

/** A list of strings that may also be given as a single string (Go's strslice). */
export const words = () => Type.Union([Type.Array(Type.String()), Type.Null()], { format: 'strslice' })

/** An object with arbitrary keys; absent and null are null. */
export const dictionary = <T extends TSchema>(value: T) => Type.Union([Type.Record(Type.String(), value), Type.Null()])

/** Names only: an object whose values are `{}`. */
export const nameSet = () => dictionary(Type.Object({}, { title: 'struct {}' }))

/** A value that may be missing: absent is null. For shapes whose zero value differs from "not said". */
export const nullable = <T extends TSchema>(value: T) => Type.Union([value, Type.Null()])

/** A field that is left out when it holds its zero value, such as '' or an empty list (Go's omitempty). */
export const omitted = <T extends TSchema>(value: T) => Type.Optional(value)

/** A field that is left out when it was not given, and kept when it was given as zero (omitempty on a pointer). */
export const given = <T extends TSchema>(value: T) => Type.Optional(Type.Union([value]))

/** Rows and columns, or zero when not known. */
export const size = () => Type.Tuple([integer('uint'), integer('uint')])

/** An object with fixed fields; `name` is the Go type that error messages show. */
export const struct = <P extends TProperties>(name: string, fields: P) => Type.Object(fields, { title: name })
