// Reading log files: across rotation, from the end, and while they are being written.

import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { compressRotated } from './compressor.ts'
import { LogFiles } from './log-files.ts'

/** A log that is written and rotated as the shim does it. */
class WrittenLog implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-log-'))
  readonly path = join(this.directory, 'json.log')
  readonly #kept: number

  constructor(kept = 5) {
    this.#kept = kept
  }

  write(...lines: string[]) {
    appendFileSync(this.path, lines.map(line => `${line}\n`).join(''))
  }

  rotate() {
    for (let number = this.#kept - 2; number >= 0; number--) {
      const [from, to] = [number === 0 ? this.path : `${this.path}.${number}`, `${this.path}.${number + 1}`]
      for (const ending of ['', '.gz']) if (existsSync(from + ending)) renameSync(from + ending, to + ending)
    }
    writeFileSync(this.path, '')
  }

  async compress() {
    await compressRotated(this.path, new AbortController().signal)
  }

  [Symbol.dispose]() {
    rmSync(this.directory, { recursive: true })
  }
}

async function rest(files: LogFiles): Promise<string[]> {
  const found: string[] = []
  for (let lines = await files.read(); lines.length > 0; lines = await files.read()) {
    found.push(...lines.toString().slice(0, -1).split('\n'))
  }
  return found
}

async function readAll(log: WrittenLog, tail?: number): Promise<string[]> {
  await using files = await LogFiles.open(log.path, tail, false)
  return await rest(files)
}

const openDescriptors = () => readdirSync('/proc/self/fd').length

test('a log that was never written is empty', async () => {
  using log = new WrittenLog()
  assert.deepEqual(await readAll(log), [])
  assert.deepEqual(await readAll(log, 3), [])
})

test('the last lines, wherever the files end', async () => {
  const pieces = fc.array(fc.array(fc.string({ minLength: 1, unit: 'grapheme-ascii' }), { maxLength: 5 }), {
    minLength: 1,
    maxLength: 5,
  })
  await fc.assert(
    fc.asyncProperty(pieces, fc.nat(12), async (files, tail) => {
      using log = new WrittenLog()
      files.forEach((lines, index) => {
        if (index > 0) log.rotate()
        log.write(...lines)
      })
      const all = files.flat()
      assert.deepEqual(await readAll(log), all)
      assert.deepEqual(await readAll(log, tail), tail === 0 ? [] : all.slice(-tail))
      await log.compress()
      assert.equal(existsSync(`${log.path}.1.gz`), files.length > 1)
      assert.deepEqual(await readAll(log), all)
      assert.deepEqual(await readAll(log, tail), tail === 0 ? [] : all.slice(-tail))
    }),
    { numRuns: 40 },
  )
})

test('lines across the blocks that are read at a time', async () => {
  using log = new WrittenLog()
  const lines = Array.from({ length: 40 }, (_, index) => String(index).repeat(9000))
  log.write(...lines)
  assert.deepEqual(await readAll(log), lines)
  assert.deepEqual(await readAll(log, 39), lines.slice(1))
})

test('a line that is half written is read when it is whole', async () => {
  using log = new WrittenLog()
  log.write('one')
  appendFileSync(log.path, 'tw')
  assert.deepEqual(await readAll(log), ['one'])
  await using files = await LogFiles.open(log.path, 1, true)
  assert.deepEqual(await rest(files), ['one'])
  appendFileSync(log.path, 'o\nth')
  assert.deepEqual(await rest(files), ['two'])
  appendFileSync(log.path, 'ree\n')
  assert.deepEqual(await rest(files), ['three'])
})

test('following misses and repeats nothing across rotations', async () => {
  using log = new WrittenLog()
  await using files = await LogFiles.open(log.path, undefined, true)
  const seen: string[] = []
  for (let number = 0; number < 30; number++) {
    log.write(`a${number}`, `b${number}`)
    if (number % 3 === 1) log.rotate()
    if (number % 2 === 0) seen.push(...(await rest(files)))
  }
  seen.push(...(await rest(files)))
  assert.deepEqual(seen, Array.from({ length: 30 }, (_, number) => [`a${number}`, `b${number}`]).flat())
})

test('following goes on after a file that was compressed meanwhile', async () => {
  using log = new WrittenLog()
  await using files = await LogFiles.open(log.path, undefined, true)
  const seen: string[] = []
  for (let number = 0; number < 12; number++) {
    log.write(`a${number}`, `b${number}`)
    if (number % 2 === 0) seen.push(...(await rest(files)))
    log.rotate()
    await log.compress()
  }
  seen.push(...(await rest(files)))
  assert.deepEqual(seen, Array.from({ length: 12 }, (_, number) => [`a${number}`, `b${number}`]).flat())
})

test('a reader that is overtaken goes on with the oldest file there is', async () => {
  using log = new WrittenLog(2)
  await using files = await LogFiles.open(log.path, undefined, true)
  log.write('one')
  assert.deepEqual(await rest(files), ['one'])
  for (const line of ['lost', 'two', 'three']) {
    log.rotate()
    log.write(line)
  }
  assert.deepEqual(await rest(files), ['two', 'three'])
})

test('what is written after the request is left out unless it follows', async () => {
  using log = new WrittenLog()
  log.write('one')
  await using files = await LogFiles.open(log.path, undefined, false)
  log.write('two')
  assert.deepEqual(await rest(files), ['one'])
})

test('no descriptor is left open', async () => {
  using log = new WrittenLog()
  for (const line of ['one', 'two', 'three']) {
    log.write(line)
    log.rotate()
  }
  await readAll(log)
  const before = openDescriptors()
  for (let number = 0; number < 20; number++) await readAll(log, number)
  assert.equal(openDescriptors(), before)
})

test('a damaged compressed file is an error, and no descriptor is closed that is not its own, or left open', async () => {
  using log = new WrittenLog()
  for (const line of ['one', 'two'.repeat(100_000), 'three']) {
    log.write(line)
    log.rotate()
  }
  await log.compress()
  truncateSync(`${log.path}.2.gz`, 40)
  await assert.rejects(readAll(log, 10))
  const before = openDescriptors()
  for (let round = 0; round < 20; round++) {
    await assert.rejects(readAll(log, 10), { code: 'Z_BUF_ERROR' })
    assert.equal(openDescriptors(), before)
  }
})

test('compression that is called off leaves neither descriptors nor files', async () => {
  using log = new WrittenLog()
  log.write('x'.repeat(1_000_000))
  log.rotate()
  const before = openDescriptors()
  for (let turns = 0; turns < 20; turns++) {
    const stop = new AbortController()
    const work = compressRotated(log.path, stop.signal)
    for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
    stop.abort()
    await work
    assert.equal(openDescriptors(), before)
    assert.deepEqual(
      readdirSync(log.directory).filter(name => name.includes('part')),
      [],
    )
  }
})
