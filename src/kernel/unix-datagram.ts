// Datagrams to a unix socket, which Node has no sockets for: how the journal and a local syslog are spoken to. unix(7).

import { constants } from 'node:os'
import { Fd } from './descriptor.ts'
import { KernelError, bind, check, hasCode, lastErrno } from './ffi.ts'

const libc = bind({
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  connect: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  send: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i32' },
})

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOCK_NONBLOCK = 0o4000
const MSG_NOSIGNAL = 0x4000
/** sun_path, with the zero at its end. */
const pathSize = 108

/** A datagram socket connected to the socket at a path. Neither connecting nor sending ever waits. */
export class UnixDatagram implements Disposable {
  readonly #socket: Fd
  readonly #path: string

  private constructor(socket: Fd, path: string) {
    this.#socket = socket
    this.#path = path
  }

  /** Throws KernelError: ENOENT or ECONNREFUSED if nobody is there, EPROTOTYPE if it is no datagram socket. */
  static connect(path: string): UnixDatagram {
    const name = socketName(path)
    const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK
    const socket = new Fd(check('socket', path, libc.socket(AF_UNIX, type, 0)))
    try {
      check('connect', path, libc.connect(socket.number, name, name.length))
      return new UnixDatagram(socket, path)
    } catch (error) {
      socket.close()
      throw error
    }
  }

  /** Sends one datagram; false if the receiver has no room for it now. Throws KernelError if the receiver is gone. */
  send(datagram: Uint8Array): boolean {
    if (libc.send(this.#socket.number, datagram, BigInt(datagram.length), MSG_NOSIGNAL) >= 0) return true
    const error = new KernelError('send', lastErrno(), this.#path)
    if (hasCode(error, 'EAGAIN', 'EWOULDBLOCK', 'ENOBUFS', 'EINTR')) return false
    throw error
  }

  [Symbol.dispose]() {
    this.#socket.close()
  }
}

// struct sockaddr_un
function socketName(path: string): Buffer {
  const bytes = Buffer.from(path)
  if (bytes.length === 0 || bytes.length >= pathSize || bytes.includes(0)) {
    throw new KernelError('connect', constants.errno.ENAMETOOLONG, path)
  }
  const name = Buffer.alloc(2 + bytes.length + 1)
  name.writeUInt16LE(AF_UNIX, 0)
  bytes.copy(name, 2)
  return name
}
