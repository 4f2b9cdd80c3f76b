// Notices when a client that had already ended its input goes away altogether.

import type { Socket } from 'node:net'
import { isHungUp } from '../../kernel/poll.ts'

/** How often half-closed connections are looked at, in milliseconds. */
const lookEvery = 1000

/**
 * Destroys half-closed sockets whose client has gone. After the end of a client's input its full close produces no
 * event: only poll(2) tells, when it is asked. The timer runs while there is something to ask about.
 */
export class HalfClosed {
  readonly #sockets = new Set<Socket>()
  #timer: NodeJS.Timeout | undefined

  /** Looks after `socket` until it is closed. */
  add(socket: Socket) {
    if (socket.destroyed) return
    this.#sockets.add(socket)
    socket.once('close', () => this.#remove(socket))
    this.#timer ??= setInterval(() => this.#look(), lookEvery).unref()
  }

  #look() {
    for (const socket of this.#sockets) if (hasHungUp(socket)) socket.destroy()
  }

  #remove(socket: Socket) {
    this.#sockets.delete(socket)
    if (this.#sockets.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

function hasHungUp(socket: Socket): boolean {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null }
  const { fd } = handle ?? {}
  return fd !== undefined && fd >= 0 && isHungUp(fd)
}
