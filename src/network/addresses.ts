// Which addresses of a subnet are given out: the lowest free one, as Docker has it.

import { conflict, invalid, unavailable } from '../lib/errors.ts'
import { contains, formatSubnet, sizeOf, type Subnet, toNumber, toText } from './subnet.ts'

/** The addresses of one subnet. */
export class Addresses {
  readonly #subnet: Subnet
  readonly #used = new Set<bigint>()
  readonly #end: bigint
  /** From where on, and up to where, addresses are given to who asks for none in particular. */
  readonly #first: bigint
  readonly #last: bigint
  /** No address below it is free. */
  #lowest: bigint

  /** The gateways and the network's own and broadcast addresses are never given out; all that are chosen are in `range`. */
  constructor(subnet: Subnet, gateways: readonly string[], range: Subnet = subnet) {
    this.#subnet = subnet
    this.#first = range.first > subnet.first ? range.first : subnet.first + 1n
    this.#lowest = this.#first
    this.#end = subnet.first + sizeOf(subnet) - (subnet.family === 4 ? 1n : 0n)
    const rangeEnd = range.first + sizeOf(range)
    this.#last = rangeEnd < this.#end ? rangeEnd : this.#end
    for (const gateway of gateways) this.#used.add(toNumber(gateway))
  }

  /** Takes the lowest free address. Throws unavailable if there is none. */
  take(): string {
    while (this.#used.has(this.#lowest)) this.#lowest++
    if (this.#lowest < this.#last) return this.#use(this.#lowest)
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
    this.#used.add(toNumber(address))
  }

  release(address: string): void {
    const number = toNumber(address)
    if (this.#used.delete(number) && number < this.#lowest && number >= this.#first) this.#lowest = number
  }

  toString(): string {
    return formatSubnet(this.#subnet)
  }

  #use(number: bigint): string {
    this.#used.add(number)
    return toText(number, this.#subnet.family)
  }
}
