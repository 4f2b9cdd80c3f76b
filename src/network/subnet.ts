// IP networks as numbers: containment, overlap, and the choice of one that nothing on the host uses.

import ipaddr from 'ipaddr.js'
import { invalid } from '../lib/errors.ts'

/** An IP network. Addresses are numbers, so that they can be counted through. */
export interface Subnet {
  readonly family: 4 | 6
  readonly first: bigint
  readonly prefix: number
}

/** Networks to choose from: every subnet with prefix `size` in `base`. */
export interface AddressPool {
  readonly base: string
  readonly size: number
}

/** The pools dockerd has by default. */
export const defaultPools: readonly AddressPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
]

const bitsOf = (family: 4 | 6) => (family === 4 ? 32 : 128)

/** The number of addresses in a subnet. */
export const sizeOf = (subnet: Subnet): bigint => 1n << BigInt(bitsOf(subnet.family) - subnet.prefix)

/** `text` as a network and the address written in it: `10.1.2.3/24` is in 10.1.2.0/24. Throws invalid. */
export function parseCidr(text: string): { subnet: Subnet; address: string } {
  if (!ipaddr.isValidCIDR(text)) throw invalid(`invalid CIDR address: ${text}`)
  const [address, prefix] = ipaddr.parseCIDR(text)
  const family = address.kind() === 'ipv4' ? 4 : 6
  const size = 1n << BigInt(bitsOf(family) - prefix)
  const number = toNumber(address.toString())
  return { subnet: { family, first: number - (number % size), prefix }, address: address.toString() }
}

export const parseSubnet = (text: string): Subnet => parseCidr(text).subnet

export const formatSubnet = (subnet: Subnet): string => `${toText(subnet.first, subnet.family)}/${subnet.prefix}`

/** An IP address as a number. */
export function toNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}

/** The address with this number; IPv6 in its short form. */
export function toText(number: bigint, family: 4 | 6): string {
  const bytes = Array.from({ length: family === 4 ? 4 : 16 }, () => 0)
  for (let index = bytes.length - 1, rest = number; index >= 0; index--, rest >>= 8n) bytes[index] = Number(rest & 255n)
  return ipaddr.fromByteArray(bytes).toString()
}

/** True if `address` is of the subnet's family and in it. */
export function contains(subnet: Subnet, address: string): boolean {
  if (ipaddr.parse(address).kind() !== `ipv${subnet.family}`) return false
  const offset = toNumber(address) - subnet.first
  return offset >= 0n && offset < sizeOf(subnet)
}

/** The broadcast address of the network that `address` is in; undefined for IPv6, which has none. */
export function broadcastOf(address: string, prefix: number): string | undefined {
  const subnet = parseSubnet(`${address}/${prefix}`)
  return subnet.family === 4 ? toText(subnet.first + sizeOf(subnet) - 1n, 4) : undefined
}

/** True if the two have an address in common. */
export function overlaps(one: Subnet, other: Subnet): boolean {
  if (one.family !== other.family) return false
  return one.first < other.first + sizeOf(other) && other.first < one.first + sizeOf(one)
}

/** The first subnet of `pools` that overlaps none of `taken`; undefined if there is none. */
export function chooseSubnet(pools: readonly AddressPool[], taken: readonly Subnet[]): Subnet | undefined {
  for (const pool of pools) {
    const base = parseSubnet(pool.base)
    const end = base.first + sizeOf(base)
    for (let subnet = { ...base, prefix: pool.size }; subnet.first < end; subnet.first += sizeOf(subnet)) {
      if (!taken.some(other => overlaps(subnet, other))) return subnet
    }
  }
  return undefined
}
