// Netlink sockets: framing of requests, acknowledgements and dumps (netlink(7), RFC 3549).

import { constants } from 'node:os'
import { Fd } from './descriptor.ts'
import { bind, check, KernelError } from './ffi.ts'

const libc = bind({
  socket: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  send: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i64' },
  recv: { arguments: ['i32', 'pointer', 'u64', 'i32'], return: 'i64' },
})

const AF_NETLINK = 16
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
const MSG_TRUNC = 0x20
const HEADER = 16

const NLMSG_ERROR = 2
const NLMSG_DONE = 3
const NLM_F_REQUEST = 0x1
const NLM_F_ACK = 0x4
const NLM_F_DUMP_INTR = 0x10

/** Flags of a request, for `Request.flags`. */
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400

/** The netlink families in use. */
export const NETLINK_ROUTE = 0
export const NETLINK_NETFILTER = 12

/** One message to the kernel. `subject` names the thing it is about, for the error. */
export interface Request {
  readonly type: number
  readonly flags: number
  readonly body: Buffer
  readonly subject: string
}

/** A message from the kernel without its header. */
export interface Reply {
  readonly type: number
  readonly body: Buffer
}

// The largest datagram the kernel builds for a dump is 32 KiB; errors echo the request.
const receiveBuffer = Buffer.alloc(65536)

// The answers to a datagram all wait in the socket's receive buffer at once.
const batchSize = 32

/**
 * A netlink socket of the network namespace the thread is in when it is opened; it stays with that namespace.
 * Calls are synchronous: the kernel handles a request before send(2) returns.
 */
export class NetlinkSocket implements Disposable {
  readonly #socket: Fd
  #sequence = 0

  private constructor(socket: Fd) {
    this.#socket = socket
  }

  /** Opens a socket of `family` (NETLINK_ROUTE, NETLINK_NETFILTER). */
  static open(family: number): NetlinkSocket {
    const number = check('socket', `netlink ${family}`, libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family))
    return new NetlinkSocket(new Fd(number))
  }

  /** Carries out `requests` in order, many at a time. Throws the first error; later requests are tried regardless. */
  transact(...requests: Request[]): void {
    let failure: KernelError | undefined
    for (let start = 0; start < requests.length; start += batchSize) {
      const error = this.#transactBatch(requests.slice(start, start + batchSize))
      failure ??= error
    }
    if (failure) throw failure
  }

  #transactBatch(requests: readonly Request[]): KernelError | undefined {
    const first = this.#send(requests, NLM_F_ACK)
    let pending = requests.length
    let failure: KernelError | undefined
    while (pending > 0) {
      for (const message of this.#receive()) {
        if (message.type !== NLMSG_ERROR || message.sequence < first) continue
        pending--
        failure ??= errorOf(message.body, requests[message.sequence - first])
      }
    }
    return failure
  }

  /** The one reply to a request for a single object. */
  get(request: Request): Reply {
    const sequence = this.#send([request], 0)
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue
        if (message.type !== NLMSG_ERROR) return message
        const failure = errorOf(message.body, request)
        if (failure) throw failure
      }
    }
  }

  /** Every object that matches `request`; starts again if the kernel's tables changed while they were read. */
  dump(request: Request): Reply[] {
    for (let attempt = 1; ; attempt++) {
      const { replies, interrupted } = this.#dumpOnce(request)
      if (!interrupted || attempt === 5) return replies
    }
  }

  #dumpOnce(request: Request) {
    const sequence = this.#send([{ ...request, flags: request.flags | NLM_F_DUMP }], 0)
    const replies: Reply[] = []
    let interrupted = false
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue
        interrupted ||= (message.flags & NLM_F_DUMP_INTR) !== 0
        if (message.type === NLMSG_DONE) return { replies, interrupted }
        if (message.type === NLMSG_ERROR) {
          const failure = errorOf(message.body, request)
          if (failure) throw failure
        } else replies.push({ type: message.type, body: Buffer.from(message.body) })
      }
    }
  }

  #send(requests: readonly Request[], flags: number): number {
    const first = this.#sequence + 1
    const datagram = Buffer.concat(requests.map(request => encode(request, ++this.#sequence, flags)))
    const subject = requests.map(request => request.subject).join(', ')
    check('send', subject, Number(libc.send(this.#socket.number, datagram, BigInt(datagram.length), 0)))
    return first
  }

  #receive() {
    const size = BigInt(receiveBuffer.length)
    const length = check('recv', 'netlink', Number(libc.recv(this.#socket.number, receiveBuffer, size, MSG_TRUNC)))
    if (length > receiveBuffer.length) throw new KernelError('recv', constants.errno.EMSGSIZE, 'netlink')
    return messagesIn(receiveBuffer.subarray(0, length))
  }

  close(): void {
    this.#socket.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

function encode(request: Request, sequence: number, flags: number): Buffer {
  const length = HEADER + request.body.length
  const message = Buffer.alloc(align(length))
  message.writeUInt32LE(length, 0)
  message.writeUInt16LE(request.type, 4)
  message.writeUInt16LE(request.flags | flags | NLM_F_REQUEST, 6)
  message.writeUInt32LE(sequence, 8)
  request.body.copy(message, HEADER)
  return message
}

function messagesIn(datagram: Buffer) {
  const messages: { type: number; flags: number; sequence: number; body: Buffer }[] = []
  for (let offset = 0; offset + HEADER <= datagram.length; ) {
    const length = datagram.readUInt32LE(offset)
    if (length < HEADER || offset + length > datagram.length) break
    messages.push({
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      body: datagram.subarray(offset + HEADER, offset + length),
    })
    offset += align(length)
  }
  return messages
}

// An acknowledgement is an error message with errno 0.
function errorOf(body: Buffer, request: Request | undefined): KernelError | undefined {
  const errno = -body.readInt32LE(0)
  return errno === 0 ? undefined : new KernelError('netlink', errno, request?.subject ?? 'request')
}

/** Netlink pads messages and attributes to four bytes. */
export const align = (length: number): number => (length + 3) & ~3
