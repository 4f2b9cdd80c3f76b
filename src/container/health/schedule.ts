// Many things to be done at their times, by one timer.

/** Time that only goes forward, and one timer at it; milliseconds. */
export interface Timer {
  now(): number
  /** Calls `body` once, after `delay`; what was set before is forgotten. */
  set(delay: number, body: () => void): void
  clear(): void
}

// Timers take at most 2^31 milliseconds; waking up earlier does no harm.
const longestDelay = 2 ** 31 - 1

/** Node's own timer. It doesn't keep the program running. */
export function systemTimer(): Timer {
  let timer: NodeJS.Timeout | undefined
  return {
    now: () => performance.now(),
    set(delay, body) {
      clearTimeout(timer)
      timer = setTimeout(body, Math.min(delay, longestDelay)).unref()
    },
    clear: () => clearTimeout(timer),
  }
}

interface Entry {
  readonly due: number
  readonly body: () => void
  /** Its place in the heap; -1 once it is not in it. */
  place: number
}

/** A binary heap by time, its top on a timer: adding and cancelling take logarithmic time. */
export class Schedule {
  readonly #timer: Timer
  readonly #heap: Entry[] = []

  constructor(timer: Timer) {
    this.#timer = timer
  }

  /** How many wait for their time. */
  get size(): number {
    return this.#heap.length
  }

  /** Calls `body` after `delay` milliseconds; dispose of the result to call it off. */
  after(delay: number, body: () => void): Disposable {
    const entry = { due: this.#timer.now() + Math.max(0, delay), body, place: this.#heap.length }
    this.#heap.push(entry)
    this.#rise(entry)
    if (entry.place === 0) this.#setTimer()
    return { [Symbol.dispose]: () => this.#cancel(entry) }
  }

  #cancel(entry: Entry): void {
    if (entry.place < 0) return
    const wasFirst = entry.place === 0
    this.#remove(entry)
    if (wasFirst) this.#setTimer()
  }

  #setTimer(): void {
    const [first] = this.#heap
    if (first) this.#timer.set(Math.max(0, first.due - this.#timer.now()), () => this.#runDue())
    else this.#timer.clear()
  }

  #runDue(): void {
    const now = this.#timer.now()
    try {
      for (let first = this.#heap[0]; first && first.due <= now; first = this.#heap[0]) {
        this.#remove(first)
        first.body()
      }
    } finally {
      // What throws keeps the others from nothing.
      this.#setTimer()
    }
  }

  #remove(entry: Entry): void {
    const last = this.#heap.pop()
    if (last && last !== entry) {
      this.#put(last, entry.place)
      this.#rise(last)
      this.#sink(last)
    }
    entry.place = -1
  }

  #put(entry: Entry, place: number): void {
    this.#heap[place] = entry
    entry.place = place
  }

  #rise(entry: Entry): void {
    while (entry.place > 0) {
      const parent = this.#heap[(entry.place - 1) >> 1]
      if (!parent || parent.due <= entry.due) return
      this.#swap(entry, parent)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const [left, right] = [this.#heap[2 * entry.place + 1], this.#heap[2 * entry.place + 2]]
      const child = right && left && right.due < left.due ? right : left
      if (!child || child.due >= entry.due) return
      this.#swap(entry, child)
    }
  }

  #swap(one: Entry, other: Entry): void {
    const place = one.place
    this.#put(one, other.place)
    this.#put(other, place)
  }
}
