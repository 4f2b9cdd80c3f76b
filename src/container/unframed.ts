// A client that gets output without the frames that tell stdout from stderr.

import { Duplex } from 'node:stream'

const headerLength = 8

/** `client`, to which frames can be written: it gets what is in them, in the order in which it comes. */
export function unframed(client: Duplex): Duplex {
  let header = Buffer.alloc(0)
  let left = 0
  const payloads = function* (chunk: Buffer): Generator<Buffer> {
    for (let rest = chunk; rest.length > 0; ) {
      if (left > 0) {
        const part = rest.subarray(0, left)
        left -= part.length
        rest = rest.subarray(part.length)
        yield part
        continue
      }
      const taken = rest.subarray(0, headerLength - header.length)
      header = Buffer.concat([header, taken])
      rest = rest.subarray(taken.length)
      if (header.length < headerLength) return
      left = header.readUInt32BE(4)
      header = Buffer.alloc(0)
    }
  }
  const outer = new Duplex({
    read: () => void client.resume(),
    write(chunk: Buffer, _encoding, done) {
      const parts = [...payloads(chunk)]
      if (parts.length === 0) return done()
      client.write(Buffer.concat(parts), done)
    },
    final: done => void client.end(done),
    destroy(error, done) {
      client.destroy()
      done(error)
    },
  })
  client.on('data', (chunk: Buffer) => {
    if (!outer.push(chunk)) client.pause()
  })
  client.once('end', () => outer.push(null)).once('close', () => outer.destroy())
  client.on('error', () => {})
  return outer
}
