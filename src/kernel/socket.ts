// Sockets: bound to a host port, so that nothing else on the host takes it while a container has it published; and of
// other network namespaces.

import { constants } from 'node:os'
import { Fd } from './descriptor.ts'
import { bind, check, hasCode, KernelError } from './ffi.ts'
import { addressBytes, familyOf } from './netlink-attributes.ts'

const libc = bind({
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  bind: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  listen: { arguments: ['i32', 'i32'], return: 'i32' },
  setsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'u32'], return: 'i32' },
  getsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer'], return: 'i32' },
})

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOCK_NONBLOCK = 0o4000
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_RCVBUF = 8
const SO_DOMAIN = 39
const IPPROTO_IPV6 = 41
const IPV6_V6ONLY = 26
const IPPROTO_SCTP = 132

/** Transport protocols that ports are published for. */
export type Protocol = 'tcp' | 'udp' | 'sctp'

const kinds: Record<Protocol, readonly [type: number, protocol: number]> = {
  tcp: [SOCK_STREAM, 0],
  udp: [SOCK_DGRAM, 0],
  sctp: [SOCK_STREAM, IPPROTO_SCTP],
}

/** What to reserve: `address` is an IP address of the host, `0.0.0.0` or `::` for all of one family. */
export interface Reservation {
  readonly protocol: Protocol
  readonly address: string
  readonly port: number
  /** Connections that may wait to be accepted, or datagrams' bytes are kept at all: for sockets that will be read. */
  readonly backlog?: number
}

/**
 * Binds a socket to a host port. A stream socket also listens: only that keeps out programs that bind with
 * SO_REUSEADDR, and only with SO_REUSEADDR can it be bound while old connections of the port are in TIME_WAIT.
 * Throws KernelError EADDRINUSE if the port is taken, EADDRNOTAVAIL if the address isn't the host's, EPROTONOSUPPORT
 * or EAFNOSUPPORT if the kernel lacks the protocol. An IPv6 socket takes IPv6 only.
 */
export function reservePort({ protocol, address, port, backlog }: Reservation): Fd {
  const subject = `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`
  const family = familyOf(address)
  const [type, number] = kinds[protocol]
  const flags = type | SOCK_CLOEXEC | SOCK_NONBLOCK
  const socket = new Fd(check('socket', subject, libc.socket(family, flags, number)))
  try {
    if (family === AF_INET6) setOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1)
    if (type === SOCK_STREAM) setOption(socket, SOL_SOCKET, SO_REUSEADDR, 1)
    else if (backlog === undefined) setOption(socket, SOL_SOCKET, SO_RCVBUF, 0)
    const name = socketAddress(address, port)
    check('bind', subject, libc.bind(socket.number, name, name.length))
    if (type === SOCK_STREAM) check('listen', subject, libc.listen(socket.number, backlog ?? 0))
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

/** A TCP socket for IPv4 or IPv6, in the network namespace that this thread is in. Throws KernelError. */
export function streamSocket(version: 4 | 6): Fd {
  const family = version === 6 ? AF_INET6 : AF_INET
  return new Fd(check('socket', `tcp${version}`, libc.socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)))
}

/** True if the host can have IPv6 sockets at all: the kernel has IPv6 and it isn't disabled on lo. */
export function hasIpv6(): boolean {
  try {
    reservePort({ protocol: 'udp', address: '::1', port: 0 }).close()
    return true
  } catch (error) {
    if (hasCode(error, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) return false
    throw error
  }
}

/** True if the inherited socket `fd` is one of the host's own, which no network reaches. Throws KernelError: not a socket. */
export function isUnixSocket(fd: number): boolean {
  const [value, length] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32LE(value.length)
  check('getsockopt', `descriptor ${fd}`, libc.getsockopt(fd, SOL_SOCKET, SO_DOMAIN, value, length))
  return value.readInt32LE() === AF_UNIX
}

function setOption(socket: Fd, level: number, option: number, value: number) {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  check('setsockopt', `${level}/${option}`, libc.setsockopt(socket.number, level, option, bytes, bytes.length))
}

// struct sockaddr_in and sockaddr_in6
function socketAddress(address: string, port: number): Buffer {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new KernelError('bind', constants.errno.EINVAL, `port ${port}`)
  }
  const family = familyOf(address)
  const name = Buffer.alloc(family === AF_INET6 ? 28 : 16)
  name.writeUInt16LE(family, 0)
  name.writeUInt16BE(port, 2)
  name.set(addressBytes(address), family === AF_INET6 ? 8 : 4)
  return name
}
