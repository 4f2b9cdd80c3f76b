// The keys that leave a terminal without ending what runs in it.

import { Duplex } from 'node:stream'
import { invalid } from '../lib/errors.ts'

/** The bytes of a detach sequence, in order. */
export type DetachKeys = readonly number[]

/** ctrl-p, ctrl-q. */
export const defaultDetachKeys: DetachKeys = [16, 17]

const control: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 }

/** Reads a list such as `ctrl-p,ctrl-q` or `a`; the default for none. Throws dockerd's error. */
export function parseDetachKeys(text: string | undefined): DetachKeys {
  if (!text) return defaultDetachKeys
  return text.split(',').map(key => {
    if (key.length === 1) return key.charCodeAt(0)
    const letter = /^ctrl-(.)$/.exec(key)?.[1] ?? ''
    if (/^[a-z]$/.test(letter)) return letter.charCodeAt(0) - 96
    const code = control[letter]
    if (code !== undefined) return code
    throw invalid(`Invalid detach keys (${text}) provided: Unknown character: '${key}'`)
  })
}

/** A client whose input ends when the detach keys were typed. */
export interface Detaching extends Duplex {
  readonly detached: boolean
}

/** Holds back the keys of a sequence until it is clear that they are not one; the whole sequence ends the stream. */
export function detaching(client: Duplex, keys: DetachKeys): Detaching {
  const filter = new DetachFilter(client, keys)
  return filter
}

class DetachFilter extends Duplex implements Detaching {
  detached = false
  readonly #client: Duplex
  readonly #keys: DetachKeys
  #matched = 0

  constructor(client: Duplex, keys: DetachKeys) {
    super({ allowHalfOpen: true })
    this.#client = client
    this.#keys = keys
    client.on('data', (chunk: Buffer) => this.#take(chunk))
    client.once('end', () => this.#endInput())
    client.once('close', () => this.destroy())
    client.once('error', () => this.destroy())
    if (client.destroyed) this.destroy()
  }

  // Keys held back turn out to be no sequence.
  #endInput() {
    if (this.#matched > 0) this.push(Buffer.from(this.#keys.slice(0, this.#matched)))
    this.push(null)
  }

  #take(chunk: Buffer) {
    const kept: number[] = []
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        if (++this.#matched < this.#keys.length) continue
        this.detached = true
        this.destroy()
        return
      }
      kept.push(...this.#keys.slice(0, this.#matched))
      this.#matched = byte === this.#keys[0] ? 1 : 0
      if (this.#matched === 0) kept.push(byte)
    }
    if (kept.length > 0 && !this.push(Buffer.from(kept))) this.#client.pause()
  }

  override _read() {
    this.#client.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void) {
    if (this.#client.destroyed || this.#client.write(chunk)) return done()
    this.#client.once('drain', () => done())
  }

  override _final(done: () => void) {
    this.#client.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void) {
    this.#client.destroy()
    done(error)
  }
}
