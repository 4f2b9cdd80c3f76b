// Random identifiers as Docker writes them.

import { randomBytes } from 'node:crypto'

/** Source of new identifiers; passed in so that tests can be deterministic. */
export interface Ids {
  /** 64 lower-case hex digits. Never all decimal in its first 12, so a short id can't be read as a number. */
  next(): string
}

export const randomIds: Ids = {
  next() {
    for (;;) {
      const id = randomBytes(32).toString('hex')
      if (/[a-f]/.test(id.slice(0, 12))) return id
    }
  },
}

/** The first 12 digits of an id, without a digest's `sha256:`. */
export function shortId(id: string): string {
  return id.replace(/^[a-z0-9]+:/, '').slice(0, 12)
}
