// Routes (rtnetlink(7)).

import { NLM_F_CREATE, NLM_F_REPLACE, type NetlinkSocket, type Reply, type Request } from './netlink.ts'
import { address, addressText, familyOf, readAttributes, uint32 } from './netlink-attributes.ts'

const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_TABLE = 15
const RT_TABLE_MAIN = 254
const RTPROT_BOOT = 3
const RTN_UNICAST = 1

/** A route. */
export interface Route {
  /** Network in CIDR form; undefined for the default route. */
  readonly destination: string | undefined
  readonly gateway: string | undefined
  readonly link: number | undefined
  readonly table: number
}

/** A default route through `gateway`, in the main table. */
export function setDefaultRoute(gateway: string, link: number): Request {
  const header = Buffer.from([familyOf(gateway), 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, 0, RTN_UNICAST, 0, 0, 0, 0])
  const body = Buffer.concat([header, address(RTA_GATEWAY, gateway), uint32(RTA_OIF, link)])
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE, body, subject: `default route by ${gateway}` }
}

/** The unicast routes of both families in every table of the socket's namespace. */
export function listRoutes(socket: NetlinkSocket): Route[] {
  const replies = socket.dump({ type: RTM_GETROUTE, flags: 0, body: Buffer.alloc(12), subject: 'routes' })
  return replies.filter(({ body }) => body.readUInt8(7) === RTN_UNICAST).map(readRoute)
}

function readRoute({ body }: Reply): Route {
  const attributes = readAttributes(body, 12)
  const destination = attributes.get(RTA_DST)
  const gateway = attributes.get(RTA_GATEWAY)
  return {
    destination: destination && `${addressText(destination)}/${body.readUInt8(1)}`,
    gateway: gateway && addressText(gateway),
    link: attributes.get(RTA_OIF)?.readUInt32LE(),
    table: attributes.get(RTA_TABLE)?.readUInt32LE() ?? body.readUInt8(4),
  }
}
