// What goes over shim.sock: message headers and "key value" records. shim/PROTOCOL.md describes it.

/** Bytes of a message header. */
export const headerSize = 12

/** No message of the shim is longer; more means that something else answers. */
const payloadLimit = 256 * 1024
const version = 1
const magic = Buffer.from('GSHM')

/** Message types from client to shim. */
export const request = { control: 1, attach: 2, resize: 3, closeStdin: 4, giveUp: 5, clearLog: 6 } as const

/** Message types from shim to client. */
export const event = {
  state: 64,
  started: 65,
  failed: 66,
  exited: 67,
  runtimeLog: 68,
  runtimeStderr: 69,
  attached: 70,
  logCleared: 71,
} as const

/** One message of the shim. */
export interface Message {
  readonly type: number
  readonly payload: Buffer
}

/** Which streams an attached client wants. */
export interface AttachFlags {
  readonly stdin?: boolean
  readonly stdout?: boolean
  readonly stderr?: boolean
  /** The end of this client's input closes the container's stdin (not a terminal's). */
  readonly closesStdin?: boolean
}

/** The flags as the number that a request and the command line carry. */
export function attachBits({ stdin, stdout, stderr, closesStdin }: AttachFlags): number {
  return (stdin ? 1 : 0) | (stdout ? 2 : 0) | (stderr ? 4 : 0) | (closesStdin ? 8 : 0)
}

/** A whole message: header and payload. */
export function encodeMessage(type: number, flags = 0, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(headerSize)
  magic.copy(header)
  header.writeUInt8(version, 4)
  header.writeUInt8(type, 5)
  header.writeUInt16BE(flags, 6)
  header.writeUInt32BE(payload.length, 8)
  return Buffer.concat([header, payload])
}

/** Type and payload length of a message. Throws if the bytes are no header of this protocol and version. */
export function decodeHeader(header: Buffer): { type: number; length: number } {
  const length = header.readUInt32BE(8)
  if (!header.subarray(0, 4).equals(magic) || header[4] !== version || length > payloadLimit)
    throw new Error('Cannot read the shim’s message: its header is not of this protocol version')
  return { type: header.readUInt8(5), length }
}

/** Puts messages together from the chunks of a stream. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)

  /** The messages completed by `chunk`. Throws as `decodeHeader` does. */
  read(chunk: Buffer): Message[] {
    const messages: Message[] = []
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= headerSize) {
      const { type, length } = decodeHeader(this.#rest)
      const end = headerSize + length
      if (this.#rest.length < end) break
      const payload = this.#rest.subarray(headerSize, end)
      this.#rest = this.#rest.subarray(end)
      messages.push({ type, payload })
    }
    return messages
  }
}

/** How a container's first process, or an exec'd one, ended. */
export interface Exit {
  readonly pid: number
  /** As a shell has it: 128 + signal for a process that a signal ended. */
  readonly code: number
  /** The signal that ended it, or 0. */
  readonly signal: number
  /** True if the kernel killed a process of the container for want of memory. */
  readonly oomKilled: boolean
  /** Nanoseconds since the Unix epoch. */
  readonly finishedAt: bigint
}

/** A record's lines as lists of values by key: a key may come several times. */
export function parseFields(text: string): Map<string, string[]> {
  const fields = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ')
    if (space < 0) continue
    const key = line.slice(0, space)
    fields.set(key, [...(fields.get(key) ?? []), line.slice(space + 1)])
  }
  return fields
}

/** The number at `key`; 0 if there is none. */
export function numberField(fields: ReadonlyMap<string, string[]>, key: string): number {
  return Number(fields.get(key)?.[0] ?? 0)
}

/** The time at `key`, in nanoseconds since the Unix epoch; 0 if there is none. */
export function timeField(fields: ReadonlyMap<string, string[]>, key: string): bigint {
  return BigInt(fields.get(key)?.[0] ?? 0)
}

/** The exit in a record's fields; undefined if they hold none. */
export function exitOf(fields: ReadonlyMap<string, string[]>): Exit | undefined {
  if (!fields.has('finished')) return undefined
  return {
    pid: numberField(fields, 'pid'),
    code: numberField(fields, 'code'),
    signal: numberField(fields, 'signal'),
    oomKilled: numberField(fields, 'oom') > 0,
    finishedAt: timeField(fields, 'finished'),
  }
}
