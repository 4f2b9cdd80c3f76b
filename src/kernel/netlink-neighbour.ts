// The neighbour table: which MAC an IP address of a link has (rtnetlink(7)).

import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket, type Request } from './netlink.ts'
import { address, addressText, familyOf, hardwareAddress, macText, readAttributes } from './netlink-attributes.ts'

const RTM_NEWNEIGH = 28
const RTM_GETNEIGH = 30
const NDA_DST = 1
const NDA_LLADDR = 2
const NUD_STALE = 0x04

/** What a link knows about one of its neighbours; `mac` is empty while it is being asked for. */
export interface Neighbour {
  readonly link: number
  readonly address: string
  readonly mac: string
}

/** Sets a neighbour's MAC. The entry is stale: used at once, verified in use, and collected when unused. */
export function setNeighbour(neighbour: Neighbour): Request {
  const header = Buffer.alloc(12)
  header.writeUInt8(familyOf(neighbour.address), 0)
  header.writeInt32LE(neighbour.link, 4)
  header.writeUInt16LE(NUD_STALE, 8)
  const body = Buffer.concat([header, address(NDA_DST, neighbour.address), hardwareAddress(NDA_LLADDR, neighbour.mac)])
  const subject = `neighbour ${neighbour.address}`
  return { type: RTM_NEWNEIGH, flags: NLM_F_CREATE | NLM_F_REPLACE, body, subject }
}

/** All neighbours known in the socket's namespace. */
export function listNeighbours(socket: NetlinkSocket): Neighbour[] {
  const request = { type: RTM_GETNEIGH, flags: 0, body: Buffer.alloc(12), subject: 'neighbours' }
  return socket.dump(request).flatMap(({ body }) => {
    const attributes = readAttributes(body, 12)
    const destination = attributes.get(NDA_DST)
    if (!destination) return []
    const mac = macText(attributes.get(NDA_LLADDR) ?? Buffer.alloc(0))
    return [{ link: body.readInt32LE(4), address: addressText(destination), mac }]
  })
}
