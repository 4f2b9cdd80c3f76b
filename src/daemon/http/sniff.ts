// Looks at the first bytes of a connection for what Node's HTTP parser would not hand over: clients that take the raw
// connection without asking to upgrade it, as the Engine API has allowed since its first days.

import type { Socket } from 'node:net'

const takesConnection =
  /^POST (?:https?:\/\/[^/ ]*)?(?:\/v[0-9.]+)?\/(?:containers\/[^ ?]+\/attach|exec\/[^ ?]+\/start)[? ]/
const asksToUpgrade = /\r\nupgrade[ \t]*:/i
const couldTakeConnection = 'POST '
const longestHead = 1024 * 1024

/** How long a client may take to send the first request's head, in milliseconds. */
const patience = 60_000

/**
 * Calls `serve` once the first request of `socket` has been looked at; its bytes are still to be read then. If the
 * request takes the connection without asking, it is made to ask, and `bare` is told.
 */
export function sniff(socket: Socket, serve: (socket: Socket) => void, bare: (socket: Socket) => void) {
  let seen: Buffer = Buffer.alloc(0)
  const finish = (first: Buffer) => {
    clearTimeout(timer)
    socket.off('readable', look).off('error', ignore).off('end', leave)
    if (first.length > 0) socket.unshift(first)
    serve(socket)
  }
  const look = () => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
    const verdict = judge(seen)
    if (verdict === 'bare') bare(socket)
    if (verdict !== 'unclear') finish(verdict === 'bare' ? withUpgrade(seen) : seen)
  }
  // Whoever ends before the head of a request is complete has nothing to be answered.
  const leave = () => socket.destroy()
  const timer = setTimeout(() => socket.destroy(), patience).unref()
  socket.on('readable', look).on('error', ignore).on('end', leave)
  socket.once('close', () => clearTimeout(timer))
}

const ignore = () => {}

function judge(bytes: Buffer): 'plain' | 'bare' | 'unclear' {
  const begin = bytes.toString('latin1', 0, couldTakeConnection.length)
  if (!couldTakeConnection.startsWith(begin)) return 'plain'
  if (bytes.length > longestHead) return 'plain'
  const lineEnd = bytes.indexOf('\n')
  if (lineEnd < 0) return 'unclear'
  if (!takesConnection.test(bytes.toString('latin1', 0, lineEnd))) return 'plain'
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return 'unclear'
  return asksToUpgrade.test(bytes.toString('latin1', 0, headEnd)) ? 'plain' : 'bare'
}

// The parser goes by the last Connection header together with the presence of Upgrade.
function withUpgrade(bytes: Buffer): Buffer {
  const lineEnd = bytes.indexOf('\n') + 1
  const headers = Buffer.from('Connection: Upgrade\r\nUpgrade: tcp\r\n')
  return Buffer.concat([bytes.subarray(0, lineEnd), headers, bytes.subarray(lineEnd)])
}
