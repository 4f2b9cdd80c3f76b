// Two duplex streams made one: bytes both ways, each direction's end passed on by itself.

import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'

/** Options of join. */
export interface JoinOptions {
  /** False: what the client sends is thrown away. */
  readonly input: boolean
  /** The end of the client's input ends the connection, once the far end has been given all of it. */
  readonly endsWithInput?: boolean
}

/**
 * Relays between a client and a far end until the far end has sent everything and closed, or the client is gone. Both
 * are destroyed when it resolves; it never rejects, for a stream that breaks is one that ended.
 */
export async function join(client: Duplex, far: Duplex, { input, endsWithInput }: JoinOptions): Promise<void> {
  const gone = () => void far.destroy()
  client.once('close', gone).on('error', gone)
  far.on('error', () => {})
  if (client.destroyed) gone()
  if (input && endsWithInput) far.once('finish', gone)
  if (input) client.pipe(far)
  else client.resume()
  far.pipe(client)
  await finished(far, { writable: false }).catch(() => {})
  client.off('close', gone)
  // A far end that broke didn't end the client's output.
  if (!client.writableEnded) client.end()
  await finished(client, { readable: false }).catch(() => {})
  client.destroy()
  far.destroy()
}
