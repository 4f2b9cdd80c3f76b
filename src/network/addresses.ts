// Which addresses of a subnet are given out: the next free one after the last, as Docker has it.

import { conflict, invalid, unavailable } from '../lib/errors.ts'
import { contains, formatSubnet, sizeOf, type Subnet, toNumber, toText } from './subnet.ts'

/** The addresses of one subnet. Going on from the last keeps an address from being given again at once, while others remember it. */
export class Addresses {
  readonly #subnet: Subnet
  readonly #used = new Set<bigint>()
  readonly #end: bigint
  #last: bigint

  /** `gateway` and the network's own and broadcast addresses are never given out. */
  constructor(subnet: Subnet, gateway: string) {
    this.#subnet = subnet
    this.#last = subnet.first
    this.#end = subnet.first + sizeOf(subnet) - (subnet.family === 4 ? 1n : 0n)
    this.#used.add(toNumber(gateway))
  }

  /** Takes the next free address. Throws unavailable if there is none. */
  take(): string {
    // A free one is found within as many steps as there are used ones, plus the two ends.
    for (let step = 0; step <= this.#used.size + 1; step++) {
      this.#last++
      if (this.#last >= this.#end) this.#last = this.#subnet.first + 1n
      if (this.#last < this.#end && !this.#used.has(this.#last)) return this.#use(this.#last)
    }
    throw unavailable(`no available IPv${this.#subnet.family} addresses on this network's address pools: ${this}`)
  }

  /** Takes `address`. Throws invalid if it isn't one of the subnet's hosts, conflict if it is taken. */
  takeThis(address: string): string {
    if (!contains(this.#subnet, address))
      throw invalid(`Invalid address ${address}: It does not belong to subnet ${this}`)
    const number = toNumber(address)
    if (number === this.#subnet.first || number >= this.#end || this.#used.has(number)) {
      throw conflict('Address already in use')
    }
    return this.#use(number)
  }

  /** Marks the address of a container that is running already; one outside the subnet is of an older configuration. */
  restore(address: string): void {
    if (!contains(this.#subnet, address)) return
    const number = toNumber(address)
    this.#used.add(number)
    if (number > this.#last) this.#last = number
  }

  release(address: string): void {
    this.#used.delete(toNumber(address))
  }

  toString(): string {
    return formatSubnet(this.#subnet)
  }

  #use(number: bigint): string {
    this.#used.add(number)
    return toText(number, this.#subnet.family)
  }
}
