// What passes between the daemon and systemd: inherited sockets, and how the daemon is doing. sd_notify(3), sd_listen_fds(3).

import { UnixDatagram } from '../kernel/unix-datagram.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'

type Environment = Record<string, string | undefined>

/** A listening socket that was passed. */
export interface InheritedSocket {
  readonly fd: number
  /** The FileDescriptorName= of its unit; '' if it has none. */
  readonly name: string
}

/** The first descriptor that is passed. */
const firstDescriptor = 3

const isOurs = (pid: string | undefined) => pid === String(process.pid)

/** A service manager, or none: then nothing is told and nothing was passed. */
export class ServiceManager implements Disposable {
  readonly sockets: readonly InheritedSocket[]
  readonly #log: Log
  readonly #address: string
  /** Microseconds within which it must hear of us; 0 for never. */
  readonly #patience: number
  #timer: NodeJS.Timeout | undefined
  #isReady = false

  /** Reads its variables from `env`, and removes them: children such as an OCI runtime would take them for theirs. */
  constructor(env: Environment, log: Log) {
    this.#log = log
    const count = isOurs(env.LISTEN_PID) ? Number(env.LISTEN_FDS ?? 0) : 0
    const names = (env.LISTEN_FDNAMES ?? '').split(':')
    this.sockets = Array.from({ length: count }, (_, at) => ({ fd: firstDescriptor + at, name: names[at] ?? '' }))
    this.#address = env.NOTIFY_SOCKET ?? ''
    this.#patience = env.WATCHDOG_PID === undefined || isOurs(env.WATCHDOG_PID) ? Number(env.WATCHDOG_USEC ?? 0) : 0
    const variables = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC']
    for (const name of variables) delete env[name]
  }

  /** The API is served. From now on the watchdog, if there is one, is kept quiet for as long as the event loop turns. */
  ready(): void {
    this.#isReady = true
    this.#tell('READY=1')
    if (this.#patience > 0) this.#timer ??= setInterval(() => this.#tell('WATCHDOG=1'), this.#patience / 2000).unref()
  }

  /** The configuration is being read again, until `reloaded`. Before the API is served that is a part of the start. */
  reloading(): void {
    if (this.#isReady) this.#tell(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`)
  }

  /** The configuration has been read again, or is as before. */
  reloaded(): void {
    if (this.#isReady) this.#tell('READY=1')
  }

  /** The daemon is about to end. */
  stopping(): void {
    clearInterval(this.#timer)
    this.#tell('STOPPING=1')
  }

  [Symbol.dispose]() {
    clearInterval(this.#timer)
  }

  // Whoever doesn't listen to us is no reason to end.
  #tell(text: string) {
    if (this.#address === '') return
    try {
      using socket = UnixDatagram.connect(this.#address)
      if (!socket.send(Buffer.from(text))) throw new Error(`${this.#address} takes no more datagrams`)
    } catch (error) {
      this.#log.warn({ error: messageOf(error) }, 'The service manager cannot be told how the daemon is doing')
    }
  }
}
