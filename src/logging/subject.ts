// What a log driver knows of the container whose output it takes: what tags and attributes are made from.

/** A container as log drivers see it. */
export interface LogSubject {
  readonly id: string
  /** Without a slash. */
  readonly name: string
  readonly imageId: string
  readonly imageName: string
  /** The whole argument vector. */
  readonly argv: readonly string[]
  /** RFC 3339. */
  readonly created: string
  /** `NAME=value`. */
  readonly env: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

/** The options of a log driver, as given. */
export type LogOptions = Readonly<Record<string, string>>
