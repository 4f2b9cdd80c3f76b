// Reading log files: across rotation, from the end, and while they are being written.

import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
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

const entry = (log: string, second: number) =>
  JSON.stringify({ log: `${log}\n`, stream: 'stdout', time: `2026-03-04T05:06:0${second}.5Z` })

test('of a damaged compressed file there is what can be read, and a line for the rest', async () => {
  using log = new WrittenLog()
  const [first, last] = [entry('one', 1), entry('three', 3)]
  const noise = Array.from({ length: 20_000 }, (_, number) => entry(String((number * 7919) % 20_000), 2))
  for (const lines of [[first], noise, [last]]) {
    log.write(...lines)
    log.rotate()
  }
  await log.compress()
  const damaged = `${log.path}.2.gz`
  truncateSync(damaged, Math.floor(statSync(damaged).size / 2))
  const before = openDescriptors()
  const shown = await readAll(log)
  const notice = { log: '[output is missing here: the log file json.log.2.gz is damaged]\n', stream: 'stderr' }
  assert.deepEqual(JSON.parse(shown.at(-2) ?? ''), { ...notice, time: '2026-03-04T05:06:02.5Z' })
  assert.deepEqual([shown[0], shown.at(-1)], [first, last])
  assert.ok(shown.length > 5000, `${shown.length} lines`)
  assert.deepEqual(shown.slice(1, -2), noise.slice(0, shown.length - 3))
  assert.deepEqual(await readAll(log, 3), shown.slice(-3))
  writeFileSync(damaged, 'no archive at all')
  const [, instead] = await readAll(log)
  const { time, ...said } = JSON.parse(instead ?? '')
  assert.deepEqual([said, Math.abs(Date.parse(time) - Date.now()) < 60_000], [notice, true])
  assert.equal(openDescriptors(), before)
})

test('what a reader can’t open leaves no descriptor open', async () => {
  using log = new WrittenLog()
  log.write('one')
  const before = openDescriptors()
  // A link to itself, as the next file and, for one that is looked for behind a gap, as the one after it.
  for (const number of [1, 2]) {
    symlinkSync('loop', join(log.directory, 'loop'))
    symlinkSync('loop', `${log.path}.${number}`)
    await assert.rejects(readAll(log), { code: 'ELOOP' })
    assert.equal(openDescriptors(), before)
    for (const path of [join(log.directory, 'loop'), `${log.path}.${number}`]) rmSync(path)
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
