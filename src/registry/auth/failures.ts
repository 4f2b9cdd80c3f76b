// Wrong passwords, counted by who sends them and for which name, so that passwords can't be tried one after the other.

/** Wrong passwords in so many milliseconds, after which no more are tried. */
const most = 20
const time = 60_000
/** Names and addresses that are remembered. */
const mostKept = 10_000

interface Count {
  failed: number
  /** Being checked, each of which may be wrong. */
  checking: number
  until: number
}

export class Failures {
  readonly #counts = new Map<string, Count>()

  /** Runs `check`, which tells whether a password is right, and counts it if not; undefined if no more are tried now. */
  async try(name: string, address: string, check: () => Promise<boolean>): Promise<boolean | undefined> {
    const count = this.#countOf(`${networkOf(address)} ${name}`)
    if (count.failed + count.checking >= most) return undefined
    count.checking++
    try {
      const right = await check()
      if (right) return true
      count.failed++
      count.until = Date.now() + time
      return false
    } finally {
      count.checking--
    }
  }

  // Those that wrong passwords came for last are kept.
  #countOf(key: string): Count {
    const known = this.#counts.get(key)
    if (known && known.until <= Date.now()) known.failed = 0
    const count = known ?? { failed: 0, checking: 0, until: 0 }
    this.#counts.delete(key)
    this.#counts.set(key, count)
    const [oldest] = this.#counts.keys()
    if (this.#counts.size > mostKept && oldest !== undefined) this.#counts.delete(oldest)
    return count
  }
}

/** An IPv4 address, or the first 64 bits of an IPv6 address: all that follow are one host's to choose. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = [], tail = []] = address.split('::').map(half => half.split(':').filter(group => group !== ''))
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
