// For tests: a log as the shim writes it, and collectors that take what is sent.

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { type Server, type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeMultiStream, encode } from '@msgpack/msgpack'
import { Forwarder } from './forwarder.ts'
import type { Sink } from './sink.ts'
import type { LogSubject } from './subject.ts'
import { silentLog } from '../lib/log.ts'

/** A container. */
export const subject: LogSubject = {
  id: '0123456789abcdef'.repeat(4),
  name: 'web',
  imageId: `sha256:${'f'.repeat(64)}`,
  imageName: 'busybox:latest',
  argv: ['sh', '-c', 'true'],
  created: '2026-01-01T00:00:00Z',
  env: ['A=1', 'B=x=y', 'ALONE'],
  labels: { com: 'one', 'com.example': 'two' },
}

/** A container's log in a directory of its own, with entries a nanosecond apart. */
export class ShimLog implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-logging-'))
  readonly path = join(this.directory, 'container.log')
  readonly #kept: number
  #entries = 0

  constructor(kept = 5) {
    this.#kept = kept
  }

  /** Appends entries of these texts; a line ends with a newline. */
  write(stream: 'stdout' | 'stderr', ...texts: readonly string[]) {
    const entries = texts.map(log => JSON.stringify({ log, stream, time: this.#nextTime() }))
    appendFileSync(this.path, entries.map(entry => `${entry}\n`).join(''))
  }

  /** Appends lines as no shim writes them. */
  damage(...lines: readonly string[]) {
    appendFileSync(this.path, lines.map(line => `${line}\n`).join(''))
  }

  #nextTime(): string {
    return `2026-03-04T05:06:07.${String(100_000_000 + this.#entries++)}Z`
  }

  /** Begins a new file, as the shim does; the oldest goes. */
  rotate() {
    for (let number = this.#kept - 2; number >= 0; number--) {
      const from = number === 0 ? this.path : `${this.path}.${number}`
      if (existsSync(from)) renameSync(from, `${this.path}.${number + 1}`)
    }
    appendFileSync(this.path, '')
  }

  /** Sends the log to a collector. */
  forward(sink: Sink, running = true): Forwarder {
    const positionPath = join(this.directory, 'position')
    return new Forwarder({ container: 'c', path: this.path, positionPath, sink }, running, silentLog)
  }

  [Symbol.dispose]() {
    rmSync(this.directory, { recursive: true })
  }
}

/** A collector on a stream: TCP on a free port, or a unix socket. */
export class StreamCollector implements AsyncDisposable {
  readonly #server: Server
  readonly connections: Socket[] = []
  readonly #chunks: Buffer[] = []

  private constructor(server: Server) {
    this.#server = server
  }

  /** `serve` takes the connections; without it, `bytes` is all that came. */
  static async listen(where: number | string = 0, serve?: (socket: Socket) => void) {
    const collector = new StreamCollector(createServer())
    collector.#server.on('connection', socket => {
      collector.connections.push(socket)
      socket.on('error', () => {})
      if (serve) serve(socket)
      else socket.on('data', (data: Buffer) => collector.#chunks.push(data))
    })
    if (typeof where === 'number') collector.#server.listen(where, '127.0.0.1')
    else collector.#server.listen(where)
    await once(collector.#server, 'listening')
    return collector
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  async [Symbol.asyncDispose]() {
    for (const socket of this.connections) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/**
 * Serves a connection of fluentd's Forward protocol with acknowledgements: `take` gets each message's tag and record, and
 * says whether it is acknowledged; the connection ends with the first that is not.
 */
export async function serveForward(socket: Socket, take: (tag: string, log: string) => boolean): Promise<void> {
  try {
    for await (const message of decodeMultiStream(socket)) {
      const [tag, , record, option] = message as [string, unknown, { log: string }, { chunk: string }]
      if (!take(tag, record.log)) return void socket.destroy()
      socket.write(encode({ ack: option.chunk }))
    }
  } catch {
    // The sender broke down, or the collector is to be gone.
  }
}

/** A collector of UDP datagrams. */
export async function listenUdp() {
  const socket = createSocket('udp4')
  const datagrams: Buffer[] = []
  socket.on('message', datagram => datagrams.push(datagram))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { datagrams, port: socket.address().port, [Symbol.dispose]: () => void socket.close() }
}

const receiver = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('ready', flush=True)
while True:
    data, fds, _, _ = socket.recv_fds(s, 1 << 20, 1)
    for fd in fds:
        data = os.pread(fd, 1 << 24, 0)
        os.close(fd)
    print(data.hex(), flush=True)
`

/** A collector of datagrams on a unix socket, for which Node has no sockets. */
export class UnixDatagramCollector implements AsyncDisposable {
  readonly #process: ChildProcess
  #text = ''

  private constructor(process: ChildProcess) {
    this.#process = process
  }

  static async listen(path: string): Promise<UnixDatagramCollector> {
    const process = spawn('python3', ['-c', receiver, path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const collector = new UnixDatagramCollector(process)
    process.stdout?.on('data', (chunk: Buffer) => (collector.#text += chunk.toString()))
    while (!collector.#text.startsWith('ready\n')) await once(process.stdout ?? process, 'data')
    return collector
  }

  get datagrams(): Buffer[] {
    return this.#text
      .split('\n')
      .slice(1, -1)
      .map(line => Buffer.from(line, 'hex'))
  }

  async [Symbol.asyncDispose]() {
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
  }
}
