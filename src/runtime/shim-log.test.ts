// The shim's log: Docker's json-file format byte for byte, long lines, broken characters, rotation, a full disk.

import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { attachMount, mountTmpfs, unmount } from '../kernel/mount.ts'
import { lockFile } from '../kernel/lock.ts'
import { parseTime } from '../lib/clock.ts'
import { type Workshop, describeShim, eventually } from './shim-testing.ts'
import type { ShimLog } from './shim.ts'

interface Entry {
  log: string
  stream: string
  time: string
  attrs?: Record<string, string>
}

const textOf = (paths: readonly string[]) => paths.map(path => readFileSync(path, 'utf8')).join('')
const parse = (text: string): Entry[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line))
const entriesOf = (...paths: string[]) => parse(textOf(paths))

let count = 0

/** Runs a shell script to its end; `files` are put in the container's root. Returns the path of its log. */
async function logged(
  shop: Workshop,
  script: string,
  { log = {}, files = {} }: { log?: Partial<ShimLog>; files?: Record<string, string | Buffer> } = {},
): Promise<string> {
  const path = log.path ?? shop.log(`log-${count++}`)
  const { id, runDir } = shop.bundle({ args: ['sh', '-c', script] })
  for (const [name, content] of Object.entries(files)) writeFileSync(join(runDir, 'upper', name), content)
  const shim = shop.start({ id, runDir }, { log: { path, ...log } })
  assert.equal((await shim.connection.exited)?.code, 0)
  return path
}

describeShim('log format', shop => {
  test('entries have Docker’s fields in Docker’s order, and Go’s times', async () => {
    const path = await logged(shop(), 'echo out; echo err >&2')
    const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1).toSorted()
    assert.match(
      lines[0] ?? '',
      /^\{"log":"err\\n","stream":"stderr","time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z"\}$/,
    )
    assert.match(lines[1] ?? '', /^\{"log":"out\\n","stream":"stdout","time":"/)
    const age = Date.now() - Number((parseTime(JSON.parse(lines[0] ?? '').time) ?? 0n) / 1_000_000n)
    assert.ok(age >= 0 && age < 60_000)
    assert.equal(statSync(path).mode & 0o777, 0o640)
  })

  test('attributes come before the time, with Go’s escapes and order', async () => {
    const path = await logged(shop(), 'echo x', { log: { attributes: { b: '<&>', a: 'one' } } })
    assert.match(
      readFileSync(path, 'utf8'),
      /"stream":"stdout","attrs":\{"a":"one","b":"\\u003c\\u0026\\u003e"\},"time":/,
    )
  })

  test('every byte is escaped as Docker escapes it', async () => {
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 128 }, (_, byte) => byte).filter(byte => byte !== 10)),
      Buffer.from('\n'),
    ])
    const path = await logged(shop(), 'cat /in', { files: { in: bytes } })
    const control = Array.from({ length: 32 }, (_, byte) =>
      byte === 10 ? '' : byte === 13 ? '\\r' : `\\u${byte.toString(16).padStart(4, '0')}`,
    ).join('')
    const plain = String.fromCharCode(...Array.from({ length: 96 }, (_, index) => 32 + index))
    const escaped = plain
      .replace(/["\\]/g, '\\$&')
      .replace(/[<>&]/g, character => `\\u00${character.charCodeAt(0).toString(16)}`)
    assert.ok(readFileSync(path, 'utf8').startsWith(`{"log":"${control}${escaped}\\n",`))
  })

  test('characters stay whole, what is not UTF-8 becomes U+FFFD, byte by byte', async () => {
    const valid = 'é€😀\ud7ff\ue000\u{10ffff}'
    const broken = Buffer.from('c080 e08080 eda080 f5808080 f4908080 ff e282 41'.replaceAll(' ', ''), 'hex')
    const path = await logged(shop(), 'cat /in', {
      files: { in: Buffer.concat([Buffer.from(`${valid}\u2028\u2029`), broken, Buffer.from('\n')]) },
    })
    const text = readFileSync(path, 'utf8')
    assert.ok(text.startsWith(`{"log":"${valid}\\u2028\\u2029${'\\ufffd'.repeat(19)}A\\n"`), text)
  })

  test('a character that arrives in pieces stays whole', async () => {
    const path = await logged(shop(), String.raw`printf '\xe2'; printf '\x82' ; printf '\xac!\n'`)
    assert.equal(entriesOf(path)[0]?.log, '€!\n')
  })

  test('long lines are split as Docker does: 16384 bytes, no line end, one time', async () => {
    const lengths = [16_383, 16_384, 16_385, 40_000]
    const path = await logged(shop(), 'cat /in', {
      files: { in: lengths.map(length => `${'x'.repeat(length)}\n`).join('') },
    })
    const entries = entriesOf(path)
    const parts = [[16_383], [16_384, 0], [16_384, 1], [16_384, 16_384, 7232]]
    assert.deepEqual(
      entries.map(({ log }) => [log.replace('\n', '').length, log.endsWith('\n')]),
      parts.flatMap(sizes => sizes.map((size, index) => [size, index === sizes.length - 1])),
    )
    assert.equal(new Set(entries.map(({ time }) => time)).size, 4)
  })

  test('a split never falls into a character', async () => {
    const line = `a${'€'.repeat(20_000)}`
    const path = await logged(shop(), 'cat /in', { files: { in: `${line}\n` } })
    const entries = entriesOf(path)
    assert.ok(entries.length > 3)
    assert.equal(entries.map(({ log }) => log).join(''), `${line}\n`)
  })

  test('the last line needs no line end', async () => {
    assert.deepEqual(
      entriesOf(await logged(shop(), 'printf "one\ntwo"')).map(({ log }) => log),
      ['one\n', 'two'],
    )
  })
})

describeShim('log files', (shop, build) => {
  test('a million lines, in order, with rising times', async () => {
    const lines = build === 'shipped' ? 1_000_000 : 100_000
    const entries = entriesOf(await logged(shop(), `seq ${lines}`))
    assert.equal(entries.length, lines)
    assert.ok(entries.every(({ log }, index) => log === `${index + 1}\n`))
    const times = entries.map(({ time }) => parseTime(time) ?? 0n)
    assert.ok(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0n)))
  })

  test('rotation loses no line, keeps files near their size, and no more of them than asked', async () => {
    const path = await logged(shop(), 'seq 200000', { log: { maxSize: 1_000_000, maxFiles: 40 } })
    const rotated = Array.from({ length: 39 }, (_, index) => `${path}.${39 - index}`).filter(existsSync)
    assert.ok(rotated.length > 5)
    for (const file of rotated) assert.ok(statSync(file).size >= 1_000_000 && statSync(file).size < 1_000_200)
    const entries = entriesOf(...rotated, path)
    assert.equal(entries.length, 200_000)
    assert.ok(entries.every(({ log }, index) => log === `${index + 1}\n`))
  })

  test('old files go', async () => {
    const path = await logged(shop(), 'seq 50000', { log: { maxSize: 100_000, maxFiles: 3 } })
    assert.deepEqual(
      [1, 2, 3].map(number => existsSync(`${path}.${number}`)),
      [true, true, false],
    )
    const entries = entriesOf(`${path}.2`, `${path}.1`, path)
    assert.equal(entries.at(-1)?.log, '50000\n')
    assert.ok(entries.every(({ log }, index) => Number(log) === 50_001 - entries.length + index))
    const single = await logged(shop(), 'seq 50000', { log: { maxSize: 100_000, maxFiles: 1 } })
    assert.ok(!existsSync(`${single}.1`) && statSync(single).size <= 100_200)
  })

  test('goes on where it was, without an entry that a power cut left half', async () => {
    const path = await logged(shop(), 'echo one')
    appendFileSync(path, '{"log":"half')
    await logged(shop(), 'echo two', { log: { path } })
    assert.deepEqual(
      entriesOf(path).map(({ log }) => log),
      ['one\n', 'two\n'],
    )
  })

  test('a full disk stops nothing; when there is room again, the log says what is missing', async () => {
    const directory = join(shop().path, `small-${build}`)
    mkdirSync(directory)
    using small = mountTmpfs({ size: '4m' })
    attachMount(small, directory)
    const path = join(directory, 'log')
    const filler = join(directory, 'filler')
    writeFileSync(filler, Buffer.alloc(3968 * 1024))
    const { id, runDir } = shop().bundle({ args: ['sh', '-c', 'seq 100000; : > /counted; read go; echo after'] })
    const shim = shop().start({ id, runDir }, { openStdin: true, log: { path } })
    // What has been counted and is not in the pipe any more is many times what the disk has room for; what is still in
    // the pipe finds room in the filler's place.
    await eventually(() => existsSync(join(runDir, 'upper', 'counted')), 'it has counted')
    unlinkSync(filler)
    shim.connection.closeStdin()
    assert.equal((await shim.connection.exited)?.code, 0)
    const logs = entriesOf(path).map(({ log }) => log)
    const notices = logs.map(log => /^gantry: (\d+) log entries were lost: No space left on device\n$/.exec(log)?.[1])
    const lost = notices.reduce((sum, number) => sum + Number(number ?? 0), 0)
    const lines = logs.filter((_, index) => notices[index] === undefined)
    assert.ok(lost > 0)
    assert.equal(lost + lines.length, 100_001)
    assert.equal(lines.at(-1), 'after\n')
    assert.deepEqual(
      lines.slice(0, 1000),
      Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`),
    )
    unmount(directory, { detach: true })
  })
})

describeShim('clearing', shop => {
  test('waits for who compresses a file, and says so if it takes too long', async () => {
    const path = shop().log('cleared')
    const shim = shop().run({ args: ['sh', '-c', 'echo one; exec sleep 1000'] }, { log: { path } })
    await eventually(() => existsSync(path) && statSync(path).size > 0, 'nothing was logged')
    {
      using lock = lockFile(path)
      assert.ok(lock)
      await assert.rejects(shim.connection.clearLog(), /can't be cleared: flock/)
      assert.ok(statSync(path).size > 0)
    }
    await shim.connection.clearLog()
    assert.equal(statSync(path).size, 0)
  })
})
