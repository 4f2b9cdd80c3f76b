// Datagrams to a unix socket, which Node has no sockets for: how the journal, a local syslog and systemd are spoken to. unix(7).

import { writeSync } from 'node:fs'
import { constants } from 'node:os'
import { Fd } from './descriptor.ts'
import { KernelError, addressOf, bind, cString, check, hasCode, lastErrno } from './ffi.ts'

const libc = bind({
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  connect: { arguments: ['i32', 'pointer', 'u32'], return: 'i32' },
  send: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i64' },
  sendmsg: { arguments: ['i32', 'pointer', 'i32'], return: 'i64' },
  memfd_create: { arguments: ['pointer', 'u32'], return: 'i32' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
})

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const SOCK_NONBLOCK = 0o4000
const MSG_NOSIGNAL = 0x4000
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
/** No more seals, no shrinking, growing or writing. */
const allSeals = 1 | 2 | 4 | 8
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

  /** A path that begins with `@` is an abstract name. Throws KernelError: ENOENT or ECONNREFUSED if nobody is there, EPROTOTYPE if it is no datagram socket. */
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

  /**
   * Sends one datagram; false if the receiver has no room for it now. Throws KernelError: EMSGSIZE if it is too long, ENOBUFS
   * if the kernel lacks the memory, others if the receiver is gone.
   */
  send(datagram: Uint8Array): boolean {
    return this.#sent('send', libc.send(this.#socket.number, datagram, BigInt(datagram.length), MSG_NOSIGNAL))
  }

  /**
   * Sends `bytes` as a sealed memory file, the way for what no datagram can hold; the receiver must know it. False if the
   * receiver has no room for it now. Throws KernelError, as `send` does. memfd_create(2), cmsg(3).
   */
  sendAsFile(bytes: Uint8Array): boolean {
    const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
    using file = new Fd(check('memfd_create', this.#path, libc.memfd_create(cString('gantry-datagram'), flags)))
    for (let done = 0; done < bytes.length; ) done += writeSync(file.number, bytes, done)
    check('fcntl', this.#path, libc.fcntl(file.number, F_ADD_SEALS, allSeals))
    const rights = rightsOf(file.number)
    return this.#sent('sendmsg', libc.sendmsg(this.#socket.number, messageWith(rights), MSG_NOSIGNAL))
  }

  #sent(call: string, result: bigint | number): boolean {
    if (Number(result) >= 0) return true
    const error = new KernelError(call, lastErrno(), this.#path)
    if (hasCode(error, 'EAGAIN', 'EWOULDBLOCK', 'EINTR')) return false
    throw error
  }

  [Symbol.dispose]() {
    this.#socket.close()
  }
}

// struct cmsghdr with one descriptor, padded to eight bytes.
function rightsOf(fd: number): Buffer {
  const control = Buffer.alloc(24)
  control.writeBigUInt64LE(20n, 0)
  control.writeInt32LE(SOL_SOCKET, 8)
  control.writeInt32LE(SCM_RIGHTS, 12)
  control.writeInt32LE(fd, 16)
  return control
}

// struct msghdr without data. `control` must be referenced as long as it is used.
function messageWith(control: Buffer): Buffer {
  const message = Buffer.alloc(56)
  message.writeBigUInt64LE(addressOf(control), 32)
  message.writeBigUInt64LE(BigInt(control.length), 40)
  return message
}

// struct sockaddr_un; an abstract name has a NUL first, and is as long as the address says.
function socketName(path: string): Buffer {
  const bytes = Buffer.from(path)
  if (bytes.length === 0 || bytes.length >= pathSize || bytes.includes(0)) {
    throw new KernelError('connect', constants.errno.ENAMETOOLONG, path)
  }
  const name = Buffer.alloc(2 + bytes.length + 1)
  name.writeUInt16LE(AF_UNIX, 0)
  bytes.copy(name, 2)
  if (!path.startsWith('@')) return name
  name[2] = 0
  return name.subarray(0, 2 + bytes.length)
}
