// JSON as the Engine API writes it: no HTML escapes, one value per line.

import type { ProgressMessage } from './types/image.ts'

/** A value and a newline. */
export const encodeJson = (value: unknown): string => `${JSON.stringify(value)}\n`

/** Like `encodeJson`, with bigints as exact numbers. */
export const encodeExact = (value: unknown): string => `${JSON.stringify(value, exact)}\n`

// The type definitions do not know rawJSON yet; it keeps digits that a double would lose.
const { rawJSON } = JSON as typeof JSON & { rawJSON(text: string): unknown }

const exact = (_key: string, value: unknown) => (typeof value === 'bigint' ? rawJSON(value.toString()) : value)

/** A line of a progress stream. */
export const progressLine = (message: ProgressMessage): string => `${JSON.stringify(message)}\r\n`

/** The last line of a progress stream that failed. */
export const progressError = (message: string): string => progressLine({ errorDetail: { message }, error: message })
