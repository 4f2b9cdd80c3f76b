// A connection to a running shim: the daemon's view of one container, or of one exec'd process.

import { Socket, connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fd, openPath } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { system } from '../lib/errors.ts'
import { Notice } from '../lib/notice.ts'
import { startFailure } from './shim-failure.ts'
import {
  type AttachFlags,
  type Exit,
  type Message,
  MessageReader,
  attachBits,
  decodeHeader,
  encodeMessage,
  event,
  exitOf,
  headerSize,
  numberField,
  parseFields,
  request,
  timeField,
} from './shim-protocol.ts'

/** A container that runs. */
export interface Started {
  /** Its first process, as the host sees it. */
  readonly pid: number
  /** Nanoseconds since the Unix epoch. */
  readonly startedAt: bigint
}

/** What a shim says about itself when a client connects. */
export interface ShimState {
  readonly phase: 'starting' | 'running' | 'exited'
  readonly shimPid: number
  /** Descriptor numbers in the shim, for pidfdGetFd: the reservations of published ports, in the order given. */
  readonly reservations: readonly number[]
}

/** The control connection to a shim. Losing it, or closing it, never disturbs the container. */
export class ShimConnection {
  readonly #socket: Socket
  readonly #runDir: string
  readonly #reader = new MessageReader()
  readonly #state = Promise.withResolvers<ShimState>()
  readonly #started = Promise.withResolvers<Started>()
  readonly #exited = Promise.withResolvers<Exit | undefined>()
  readonly #closed = Promise.withResolvers<void>()
  readonly #logCleared = new Notice<string>()
  #runtimeLog = ''
  #runtimeStderr = ''

  /** Resolves when the container runs; rejects with StartFailure if it does not come to that. */
  readonly started: Promise<Started> = this.#started.promise
  /** Resolves when the container has exited and all its output is logged; undefined if the shim was lost before. */
  readonly exited: Promise<Exit | undefined> = this.#exited.promise
  /** Resolves when the shim has closed the connection, at its end or because it was lost. */
  readonly closed: Promise<void> = this.#closed.promise

  constructor(socket: Socket, runDir: string) {
    this.#socket = socket
    this.#runDir = runDir
    for (const promise of [this.#state.promise, this.#started.promise]) promise.catch(() => {})
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.once('end', () => socket.destroy())
    // Whatever the error, the close that follows is what counts.
    socket.on('error', () => {})
    socket.once('close', () => this.#lose())
  }

  /** Introduces a connection made to shim.sock; resolves to the shim's answer. Rejects if the shim is gone. */
  greeting(): Promise<ShimState> {
    this.#socket.write(encodeMessage(request.control))
    return this.#state.promise
  }

  /**
   * Attaches to the container's streams from now on. Without a terminal, what is read are the Engine API's multiplexed
   * frames, ready to be relayed; with one, raw bytes. Ending the writing side is the end of stdin. Rejects if the shim is gone.
   */
  attach(flags: AttachFlags): Promise<Socket> {
    return openAttached(this.#runDir, flags)
  }

  /** Sets the size of the terminal, also before there is one; no terminal has more than 65535 rows or columns. */
  resize(rows: number, columns: number): void {
    const payload = Buffer.alloc(4)
    payload.writeUInt16BE(Math.min(rows, 0xffff), 0)
    payload.writeUInt16BE(Math.min(columns, 0xffff), 2)
    this.#socket.write(encodeMessage(request.resize, 0, payload))
  }

  /** Closes the container's stdin once all input sent before has reached it. */
  closeStdin(): void {
    this.#socket.write(encodeMessage(request.closeStdin))
  }

  /** Ends a start that is under way: `started` rejects. Does nothing to what runs. */
  giveUp(): void {
    this.#socket.write(encodeMessage(request.giveUp))
  }

  /**
   * Drops what is logged so far. Rejects if that fails, the shim is lost, or does not know how. Asks on a connection of its
   * own: a shim of an older version closes the one on which it hears what it doesn't know.
   */
  async clearLog(): Promise<void> {
    const asking = new ShimConnection(await openSocket(this.#runDir), this.#runDir)
    try {
      await asking.greeting()
      await asking.#askToClear()
    } finally {
      asking.close()
    }
  }

  async #askToClear(): Promise<void> {
    const answer = this.#logCleared.next()
    this.#socket.write(encodeMessage(request.clearLog))
    const silence = 'message its shim has ended, or is of an older version: restart the container\n'
    const text = await Promise.race([answer, this.closed.then(() => silence)])
    const [failure] = parseFields(text).get('message') ?? []
    if (failure !== undefined) throw system(`the log can't be cleared: ${failure}`)
  }

  /** Leaves the shim alone: it goes on without this daemon. */
  close(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#reader.read(chunk)) this.#handle(message)
    } catch (error) {
      this.#socket.destroy(error instanceof Error ? error : undefined)
    }
  }

  #handle({ type, payload }: Message): void {
    const text = payload.toString()
    if (type === event.state) this.#learn(text)
    else if (type === event.runtimeLog) this.#runtimeLog = text
    else if (type === event.runtimeStderr) this.#runtimeStderr = text
    else if (type === event.failed) this.#started.reject(startFailure(text, this.#runtimeLog, this.#runtimeStderr))
    else if (type === event.started) this.#started.resolve(startedOf(parseFields(text)))
    else if (type === event.logCleared) this.#logCleared.tell(text)
    else if (type === event.exited) this.#exited.resolve(exitOf(parseFields(text)))
  }

  #learn(text: string): void {
    const fields = parseFields(text)
    const phase = fields.get('phase')?.[0]
    if (phase === 'running' || phase === 'exited') this.#started.resolve(startedOf(fields))
    if (phase === 'exited') this.#exited.resolve(exitOf(fields))
    this.#state.resolve({
      phase: phase === 'running' || phase === 'exited' ? phase : 'starting',
      shimPid: numberField(fields, 'shim'),
      reservations: (fields.get('reservation') ?? []).map(Number),
    })
  }

  #lose(): void {
    const lost = new Error('the shim ended before the container was running')
    this.#state.reject(lost)
    this.#started.reject(lost)
    this.#exited.resolve(undefined)
    this.#closed.resolve()
  }
}

function startedOf(fields: ReadonlyMap<string, string[]>): Started {
  return { pid: numberField(fields, 'pid'), startedAt: timeField(fields, 'started') }
}

/** The socket of one end of a socketpair; half of it can be closed. Takes the descriptor over. */
export function socketOf(fd: Fd): Socket {
  return new Socket({ fd: fd.release(), allowHalfOpen: true, readable: true, writable: true })
}

// A socket's address has 107 bytes at most; a longer path goes through a descriptor of its directory.
const longestAddress = 107
/** In milliseconds, between attempts to connect. */
const longestPause = 500

/** Connects to the shim of a run dir. Rejects with the errors of connect(2): ENOENT or ECONNREFUSED if there is none. */
export async function openSocket(runDir: string): Promise<Socket> {
  const direct = `${runDir}/shim.sock`
  if (Buffer.byteLength(direct) <= longestAddress) return connected(direct)
  using directory = openPath(runDir)
  return await connected(`${directory.path}/shim.sock`)
}

// A shim that is flooded with connections has no room for another for a moment.
async function connected(path: string): Promise<Socket> {
  for (let pause = 1; ; pause *= 2) {
    try {
      return await connectedAtOnce(path)
    } catch (error) {
      if (!hasCode(error, 'EAGAIN') || pause > longestPause) throw error
      await sleep(pause)
    }
  }
}

async function connectedAtOnce(path: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ path, allowHalfOpen: true })
  socket.once('connect', resolve).once('error', reject)
  await promise
  socket.off('error', reject)
  return socket
}

async function openAttached(runDir: string, flags: AttachFlags): Promise<Socket> {
  const socket = await openSocket(runDir)
  socket.write(encodeMessage(request.attach, attachBits(flags)))
  try {
    const header = await readHeader(socket)
    if (decodeHeader(header).type === event.attached) return socket
    throw new Error('Cannot attach: the shim refuses')
  } catch (error) {
    socket.destroy()
    throw error
  }
}

// Reads exactly the acknowledgement: what follows belongs to the stream.
async function readHeader(socket: Socket): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const read = () => {
    const header: Buffer | null = socket.read(headerSize)
    if (header?.length === headerSize) resolve(header)
    else if (header !== null || socket.readableEnded) reject(new Error('Cannot attach: the shim has gone'))
  }
  const gone = () => reject(new Error('Cannot attach: the shim has gone'))
  socket.on('readable', read).once('error', reject).once('end', gone).once('close', gone)
  try {
    return await promise
  } finally {
    socket.off('readable', read).off('error', reject).off('end', gone).off('close', gone)
  }
}
