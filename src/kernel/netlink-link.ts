// Network devices: bridges, veth pairs, and changes to links (rtnetlink(7)).

import type { Fd } from './descriptor.ts'
import { hasCode } from './ffi.ts'
import { NLM_F_CREATE, NLM_F_EXCL, type NetlinkSocket, type Reply, type Request } from './netlink.ts'
import { hardwareAddress, macText, nested, readAttributes, text, textOf, uint8, uint32 } from './netlink-attributes.ts'

const RTM_NEWLINK = 16
const RTM_DELLINK = 17
const RTM_GETLINK = 18

const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_NET_NS_FD = 28
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
const IFLA_INFO_SLAVE_KIND = 4
const IFLA_INFO_SLAVE_DATA = 5
const IFLA_BRPORT_MODE = 4
const IFLA_BRPORT_ISOLATED = 33
const VETH_INFO_PEER = 1
const IFLA_BR_FORWARD_DELAY = 1
const IFLA_BR_STP_STATE = 5
const IFLA_BR_MCAST_SNOOPING = 23
const IFF_UP = 1

/** A network device as the kernel describes it. */
export interface Link {
  readonly index: number
  readonly name: string
  readonly up: boolean
  readonly mtu: number
  /** Empty for devices without one. */
  readonly mac: string
  /** Index of the bridge the link is a port of. */
  readonly master: number | undefined
  /** `bridge`, `veth`, …; undefined for physical devices and lo. */
  readonly kind: string | undefined
}

/** One end of a veth pair. */
export interface VethEnd {
  readonly name: string
  readonly mac?: string
  readonly mtu?: number
  readonly up?: boolean
  /** The namespace the end is born in; by default that of the socket. */
  readonly namespace?: Fd
  /** Index of the bridge it becomes a port of; only for the end in the socket's namespace. */
  readonly master?: number
}

/** Creates a bridge that forwards from the first moment: no spanning tree, no delay, multicast flooded. */
export function createBridge(name: string, options: { mac: string; mtu?: number }): Request {
  const data = nested(
    IFLA_INFO_DATA,
    uint32(IFLA_BR_FORWARD_DELAY, 0),
    uint32(IFLA_BR_STP_STATE, 0),
    uint8(IFLA_BR_MCAST_SNOOPING, 0),
  )
  const parts = [header({}), text(IFLA_IFNAME, name), hardwareAddress(IFLA_ADDRESS, options.mac)]
  if (options.mtu !== undefined) parts.push(uint32(IFLA_MTU, options.mtu))
  return newLink(name, ...parts, nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, 'bridge'), data))
}

/** Creates a veth pair. Each end is made in its namespace, never moved: a move waits for an RCU grace period. */
export function createVeth(end: VethEnd, peer: VethEnd): Request {
  const peerInfo = nested(VETH_INFO_PEER, ...vethEnd(peer))
  const info = nested(IFLA_LINKINFO, text(IFLA_INFO_KIND, 'veth'), nested(IFLA_INFO_DATA, peerInfo))
  return newLink(end.name, ...vethEnd(end), info)
}

function vethEnd(end: VethEnd): Buffer[] {
  const parts = [header({ up: end.up }), text(IFLA_IFNAME, end.name)]
  if (end.mac !== undefined) parts.push(hardwareAddress(IFLA_ADDRESS, end.mac))
  if (end.mtu !== undefined) parts.push(uint32(IFLA_MTU, end.mtu))
  if (end.namespace) parts.push(uint32(IFLA_NET_NS_FD, end.namespace.number))
  if (end.master !== undefined) parts.push(uint32(IFLA_MASTER, end.master))
  return parts
}

/** Changes an existing link. */
export function setLink(index: number, changes: { up?: boolean; master?: number; mtu?: number }): Request {
  const parts = [header({ index, up: changes.up })]
  if (changes.master !== undefined) parts.push(uint32(IFLA_MASTER, changes.master))
  if (changes.mtu !== undefined) parts.push(uint32(IFLA_MTU, changes.mtu))
  return { type: RTM_NEWLINK, flags: 0, body: Buffer.concat(parts), subject: `link ${index}` }
}

/** Lets the bridge send a packet out of the port it came in by. */
export const setHairpin = (port: string): Request => setBridgePort(port, uint8(IFLA_BRPORT_MODE, 1))

/** Whether the bridge keeps what comes in by this port from its other isolated ports. */
export const setIsolated = (port: string, isolated: boolean): Request =>
  setBridgePort(port, uint8(IFLA_BRPORT_ISOLATED, isolated ? 1 : 0))

function setBridgePort(port: string, setting: Buffer): Request {
  const data = nested(IFLA_INFO_SLAVE_DATA, setting)
  const info = nested(IFLA_LINKINFO, text(IFLA_INFO_SLAVE_KIND, 'bridge'), data)
  const body = Buffer.concat([header({}), text(IFLA_IFNAME, port), info])
  return { type: RTM_NEWLINK, flags: 0, body, subject: `bridge port ${port}` }
}

/** Deletes a link. Not for veths of containers: it waits for RCU; they go with their namespace. */
export function deleteLink(index: number): Request {
  return { type: RTM_DELLINK, flags: 0, body: header({ index }), subject: `link ${index}` }
}

/** The link called `name`; undefined if there is none. */
export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  const body = Buffer.concat([header({}), text(IFLA_IFNAME, name)])
  try {
    return readLink(socket.get({ type: RTM_GETLINK, flags: 0, body, subject: `link ${name}` }))
  } catch (error) {
    if (hasCode(error, 'ENODEV')) return undefined
    throw error
  }
}

/** All links of the socket's namespace. */
export function listLinks(socket: NetlinkSocket): Link[] {
  return socket.dump({ type: RTM_GETLINK, flags: 0, body: header({}), subject: 'links' }).map(readLink)
}

function newLink(name: string, ...parts: Buffer[]): Request {
  const flags = NLM_F_CREATE | NLM_F_EXCL
  return { type: RTM_NEWLINK, flags, body: Buffer.concat(parts), subject: `link ${name}` }
}

// struct ifinfomsg
function header(fields: { index?: number; up?: boolean }): Buffer {
  const buffer = Buffer.alloc(16)
  buffer.writeInt32LE(fields.index ?? 0, 4)
  buffer.writeUInt32LE(fields.up ? IFF_UP : 0, 8)
  buffer.writeUInt32LE(fields.up === undefined ? 0 : IFF_UP, 12)
  return buffer
}

function readLink({ body }: Reply): Link {
  const attributes = readAttributes(body, 16)
  const info = attributes.get(IFLA_LINKINFO)
  const kind = info && readAttributes(info).get(IFLA_INFO_KIND)
  return {
    index: body.readInt32LE(4),
    name: textOf(attributes.get(IFLA_IFNAME) ?? Buffer.alloc(0)),
    up: (body.readUInt32LE(8) & IFF_UP) !== 0,
    mtu: attributes.get(IFLA_MTU)?.readUInt32LE() ?? 0,
    mac: macText(attributes.get(IFLA_ADDRESS) ?? Buffer.alloc(0)),
    master: attributes.get(IFLA_MASTER)?.readUInt32LE(),
    kind: kind && textOf(kind),
  }
}
