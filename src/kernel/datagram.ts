// Datagrams to unix sockets, which node:net doesn't have. unix(7).

import { bind, check } from './ffi.ts'
import { Fd } from './descriptor.ts'

const libc = bind({
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  sendto: { arguments: ['i32', 'pointer', 'u64', 'i32', 'pointer', 'u32'], return: 'i64' },
})

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/** Sends `text` to the socket at `path`; one that begins with `@` is abstract. Doesn't block. Throws KernelError. */
export function sendDatagram(path: string, text: string): void {
  using socket = new Fd(check('socket', path, libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)))
  const name = socketName(path)
  const bytes = Buffer.from(text)
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL
  check('sendto', path, Number(libc.sendto(socket.number, bytes, BigInt(bytes.length), flags, name, name.length)))
}

// struct sockaddr_un; an abstract name has a NUL first and is as long as the address says.
function socketName(path: string): Buffer {
  const name = path.startsWith('@') ? `\0${path.slice(1)}` : `${path}\0`
  const family = Buffer.alloc(2)
  family.writeUInt16LE(AF_UNIX)
  return Buffer.concat([family, Buffer.from(name)])
}
