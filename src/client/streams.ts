// What the engine streams: frames of stdout and stderr on one connection, and JSON objects line by line.

import type { Readable, Writable } from 'node:stream'
import { once } from 'node:events'
import { system } from '../lib/errors.ts'

const frameHeader = 8

/** Splits 8-byte-framed output (stream number, three zeros, length) onto two outputs. Ends when `input` does. */
export async function demultiplex(input: Readable, stdout: Writable, stderr: Writable): Promise<void> {
  let header = Buffer.alloc(0)
  let target = stdout
  let left = 0
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let rest = chunk
    while (rest.length > 0) {
      if (left === 0) {
        const taken = rest.subarray(0, frameHeader - header.length)
        header = Buffer.concat([header, taken])
        rest = rest.subarray(taken.length)
        if (header.length < frameHeader) break
        target = outputOf(header, stdout, stderr)
        left = header.readUInt32BE(4)
        header = Buffer.alloc(0)
        continue
      }
      const part = rest.subarray(0, left)
      await write(target, part)
      left -= part.length
      rest = rest.subarray(part.length)
    }
  }
}

function outputOf(header: Buffer, stdout: Writable, stderr: Writable): Writable {
  const stream = header.readUInt8(0)
  // 3 carries the engine's own error messages.
  if (stream > 3) throw system(`Unrecognized input header: ${stream}`)
  return stream >= 2 ? stderr : stdout
}

/** Copies a raw stream, as containers with a terminal have it. */
export async function copy(input: Readable, output: Writable): Promise<void> {
  for await (const chunk of input as AsyncIterable<Buffer>) await write(output, chunk)
}

async function write(output: Writable, chunk: Buffer) {
  if (!output.write(chunk)) await once(output, 'drain')
}

/** The JSON values of a body with one value per line. */
export async function* jsonLines<T>(input: Readable): AsyncGenerator<T> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of input as AsyncIterable<Buffer>) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line)
  }
  if (text.trim() !== '') yield JSON.parse(text)
}
