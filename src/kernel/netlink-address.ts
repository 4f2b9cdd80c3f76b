// IP addresses of network devices (rtnetlink(7)).

import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket, type Request } from './netlink.ts'
import { address, addressText, familyOf, readAttributes, uint32 } from './netlink-attributes.ts'

const RTM_NEWADDR = 20
const RTM_DELADDR = 21
const RTM_GETADDR = 22
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_BROADCAST = 4
const IFA_FLAGS = 8
const IFA_F_NODAD = 0x02

/** An address with its prefix length, on the link with index `link`. */
export interface LinkAddress {
  readonly link: number
  readonly address: string
  readonly prefix: number
}

/** Sets an address. IPv6 addresses are usable at once: no duplicate address detection. */
export function setAddress(entry: LinkAddress & { readonly broadcast?: string }): Request {
  const parts = [header(entry), address(IFA_LOCAL, entry.address), address(IFA_ADDRESS, entry.address)]
  if (entry.broadcast !== undefined) parts.push(address(IFA_BROADCAST, entry.broadcast))
  if (entry.address.includes(':')) parts.push(uint32(IFA_FLAGS, IFA_F_NODAD))
  return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE, body: Buffer.concat(parts), subject: subject(entry) }
}

/** Removes an address from its link. */
export function removeAddress(entry: LinkAddress): Request {
  const body = Buffer.concat([header(entry), address(IFA_LOCAL, entry.address)])
  return { type: RTM_DELADDR, flags: 0, body, subject: subject(entry) }
}

/** All addresses of both families in the socket's namespace. */
export function listAddresses(socket: NetlinkSocket): LinkAddress[] {
  return socket
    .dump({ type: RTM_GETADDR, flags: 0, body: Buffer.alloc(8), subject: 'addresses' })
    .flatMap(({ body }) => {
      const attributes = readAttributes(body, 8)
      const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)
      return bytes ? [{ link: body.readUInt32LE(4), address: addressText(bytes), prefix: body.readUInt8(1) }] : []
    })
}

// struct ifaddrmsg
function header(entry: LinkAddress): Buffer {
  const buffer = Buffer.alloc(8)
  buffer.writeUInt8(familyOf(entry.address), 0)
  buffer.writeUInt8(entry.prefix, 1)
  buffer.writeUInt32LE(entry.link, 4)
  return buffer
}

const subject = (entry: LinkAddress) => `address ${entry.address}/${entry.prefix} on link ${entry.link}`
