// Bytes on their way to files: in order, few calls, bounded memory, and failures that nobody misses.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { constants, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import { Appender } from './appender.ts'
import { temporaryDirectory } from './testing.ts'

test('all pieces are in the file in their order, whoever waits for them or not', async () => {
  using directory = temporaryDirectory()
  await using file = await open(directory.join('file'), 'wx')
  let written = 0
  const appender = new Appender(file, bytes => (written += bytes))
  const pieces = Array.from({ length: 3000 }, (_, index) => randomBytes((index * 37) % 5000))
  for (const [index, piece] of pieces.entries()) {
    const added = appender.append(piece)
    if (index % 7 === 0) await added
    // Some come at the very moment when the ones before have been written.
    if (index % 500 === 0) await appender.flush()
  }
  await appender.flush()
  const expected = Buffer.concat(pieces)
  assert.equal(written, expected.length)
  assert.ok(readFileSync(directory.join('file')).equals(expected))
})

test('a few bytes are in the file soon, without being asked for, and many small pieces in few calls', async () => {
  using directory = temporaryDirectory()
  await using file = await open(directory.join('file'), 'wx')
  const calls: number[] = []
  const few = Promise.withResolvers<void>()
  const appender = new Appender(file, bytes => {
    calls.push(bytes)
    few.resolve()
  })
  await appender.append(Buffer.from('few'))
  await few.promise
  assert.equal(readFileSync(directory.join('file'), 'latin1'), 'few')
  for (let count = 0; count < 64; count++) await appender.append(Buffer.alloc(1 << 14))
  await appender.flush()
  assert.equal(
    calls.reduce((sum, bytes) => sum + bytes),
    3 + (1 << 20),
  )
  assert.ok(calls.length < 20, calls.join(' '))
})

test('who adds more than is written has to wait', async () => {
  using directory = temporaryDirectory()
  const path = directory.join('fifo')
  execFileSync('mkfifo', [path])
  await using file = await open(path, constants.O_RDWR)
  const appender = new Appender(file)
  const piece = Buffer.alloc(1 << 20, 'x')
  // The first is being written, as far as the pipe has room, and the second may wait.
  await appender.append(piece)
  await appender.append(piece)
  let hasRoom = false
  const third = appender.append(piece).then(() => (hasRoom = true))
  for (let count = 0; count < 20; count++) await turn()
  assert.equal(hasRoom, false)
  await using reader = await open(path, constants.O_RDONLY)
  const buffer = Buffer.alloc(1 << 20)
  let size = 0
  while (size < 3 * piece.length) size += (await reader.read(buffer)).bytesRead
  await third
  await appender.flush()
})

test('a full disk is told with every piece from then on, and at the end', async () => {
  await using file = await open('/dev/full', 'w')
  const appender = new Appender(file)
  await appender.append(Buffer.from('a'))
  const full = { kind: 'system', message: 'write blob: no space left on device' }
  await assert.rejects(appender.flush(), full)
  await assert.rejects(appender.append(Buffer.alloc(4 << 20)), full)
  await assert.rejects(appender.flush(), full)
})
