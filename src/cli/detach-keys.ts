// The key sequence that leaves a container running and gives the terminal back.

import { invalid } from '../lib/errors.ts'

const defaultKeys = 'ctrl-p,ctrl-q'
const controls = 'abcdefghijklmnopqrstuvwxyz[\\]^_'

/** The bytes of a sequence such as `ctrl-p,ctrl-q` or `a,ctrl-@`. Throws invalid for an unknown key. */
export function parseDetachKeys(text: string = defaultKeys): Buffer {
  return Buffer.from(text.split(',').map(key => codeOf(key, text)))
}

function codeOf(key: string, text: string): number {
  if (key.length === 1 && key < '\x80') return key.charCodeAt(0)
  const letter = /^ctrl-(.)$/i.exec(key)?.[1]?.toLowerCase() ?? ''
  if (letter === '@') return 0
  if (letter === '' || !controls.includes(letter))
    throw invalid(`invalid detach keys (${text}): Unknown character: '${key}'`)
  return controls.indexOf(letter) + 1
}

/** Looks for the sequence in what is typed, however it is cut into chunks. */
export class DetachFilter {
  readonly #keys: Buffer
  #matched = 0

  constructor(keys: Buffer) {
    this.#keys = keys
  }

  /** What of `chunk` (and of a match held back before) goes to the container, and whether the sequence is complete. */
  feed(chunk: Buffer): { readonly pass: Buffer; readonly detached: boolean } {
    const pass: number[] = []
    for (const byte of chunk) {
      if (byte !== this.#keys[this.#matched]) {
        pass.push(...this.#keys.subarray(0, this.#matched))
        this.#matched = 0
      }
      if (byte === this.#keys[this.#matched]) this.#matched++
      else pass.push(byte)
      if (this.#matched === this.#keys.length) return { pass: Buffer.from(pass), detached: true }
    }
    return { pass: Buffer.from(pass), detached: false }
  }
}
