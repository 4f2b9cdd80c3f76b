// The connection tracking table: flows of one protocol and port, and forgetting them (nfnetlink conntrack).

import { type NetlinkSocket, type Reply, type Request } from './netlink.ts'
import { addressText, nested, networkUint16, readAttributes, uint8, uint32, attribute } from './netlink-attributes.ts'

const IPCTNL_MSG_CT_GET = 0x101
const IPCTNL_MSG_CT_DELETE = 0x102
const CTA_TUPLE_ORIG = 1
const CTA_TUPLE_REPLY = 2
const CTA_ID = 12
const CTA_FILTER = 25
const CTA_FILTER_ORIG_FLAGS = 1
const CTA_FILTER_REPLY_FLAGS = 2
const CTA_TUPLE_IP = 1
const CTA_TUPLE_PROTO = 2
const CTA_PROTO_NUM = 1
const CTA_PROTO_DST_PORT = 3
const FILTER_PROTO_NUM = 1 << 3
const FILTER_PROTO_DST_PORT = 1 << 5
const HEADER = 4
const AF_INET = 2
const AF_INET6 = 10

/** A flow as it began, and where its answers come from: elsewhere, if its destination was translated. */
export interface Flow {
  readonly protocol: number
  readonly destination: string
  readonly destinationPort: number
  readonly answersFrom: string
  /** The kernel's key of the flow, for `forgetFlow`. */
  readonly key: Buffer
}

/**
 * Flows of one family and IP protocol number, only those sent to `port` if it is given. The kernel filters, from Linux
 * 5.8 on; but it walks its whole table in any case, which takes milliseconds.
 */
export function listFlows(socket: NetlinkSocket, family: 4 | 6, protocol: number, port?: number): Flow[] {
  const number = uint8(CTA_PROTO_NUM, protocol)
  const tuple = port === undefined ? [number] : [number, networkUint16(CTA_PROTO_DST_PORT, port)]
  const flags = FILTER_PROTO_NUM | (port === undefined ? 0 : FILTER_PROTO_DST_PORT)
  const body = Buffer.concat([
    header(family === 4 ? AF_INET : AF_INET6),
    nested(CTA_TUPLE_ORIG, nested(CTA_TUPLE_PROTO, ...tuple)),
    nested(CTA_FILTER, uint32(CTA_FILTER_ORIG_FLAGS, flags), uint32(CTA_FILTER_REPLY_FLAGS, 0)),
  ])
  return socket
    .dump({ type: IPCTNL_MSG_CT_GET, flags: 0, body, subject: 'flows' })
    .flatMap(reply => readFlow(reply) ?? [])
    .filter(flow => flow.protocol === protocol && (port === undefined || flow.destinationPort === port))
}

/** Forgets a flow, so that its next packet is translated afresh. ENOENT if it is over by then. */
export function forgetFlow(flow: Flow): Request {
  return { type: IPCTNL_MSG_CT_DELETE, flags: 0, body: flow.key, subject: `flow to ${flow.destination}` }
}

function readFlow({ body }: Reply): Flow | undefined {
  const family = body.readUInt8(0)
  const attributes = readAttributes(body, HEADER)
  const original = attributes.get(CTA_TUPLE_ORIG)
  const reply = attributes.get(CTA_TUPLE_REPLY)
  const id = attributes.get(CTA_ID)
  if (!original || !reply || !id) return undefined
  const begun = readTuple(original, family)
  const answer = readTuple(reply, family)
  const key = Buffer.concat([header(family), nested(CTA_TUPLE_ORIG, original), attribute(CTA_ID, id)])
  return { ...begun, answersFrom: answer.source, key }
}

function readTuple(tuple: Buffer, family: number) {
  const parts = readAttributes(tuple)
  const addresses = readAttributes(parts.get(CTA_TUPLE_IP) ?? Buffer.alloc(0))
  const protocol = readAttributes(parts.get(CTA_TUPLE_PROTO) ?? Buffer.alloc(0))
  const zero = Buffer.alloc(family === AF_INET ? 4 : 16)
  // CTA_IP_V4_SRC, V4_DST, V6_SRC, V6_DST are 1 to 4.
  const [source, destination] = family === AF_INET ? [1, 2] : [3, 4]
  return {
    source: addressText(addresses.get(source) ?? zero),
    destination: addressText(addresses.get(destination) ?? zero),
    protocol: protocol.get(CTA_PROTO_NUM)?.readUInt8() ?? 0,
    destinationPort: protocol.get(CTA_PROTO_DST_PORT)?.readUInt16BE() ?? 0,
  }
}

// struct nfgenmsg
const header = (family: number) => Buffer.from([family, 0, 0, 0])
