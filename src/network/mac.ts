// Hardware addresses of containers.

import { toNumber } from './subnet.ts'

/**
 * The MAC that belongs to an IPv4 address: 02:42 and its four bytes, as Docker had it for years. An address that is
 * given out again has the same MAC then, so no neighbour on the bridge remembers a wrong one.
 */
export function macOf(ipv4: string): string {
  const digits = toNumber(ipv4).toString(16).padStart(8, '0')
  return `02:42:${digits.replaceAll(/(..)(?=.)/g, '$1:')}`
}
