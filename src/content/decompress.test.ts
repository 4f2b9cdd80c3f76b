// Decompression of every format, whole, damaged, cut and in several parts.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { kindOf } from '../lib/errors.ts'
import { type Compression, compressionOf, decompress } from './decompress.ts'

const program = (name: string) => (bytes: Buffer) => execFileSync(name, ['-c'], { input: bytes, maxBuffer: 1 << 28 })
const formats: [Compression, (bytes: Buffer) => Buffer][] = [
  ['gzip', bytes => gzipSync(bytes)],
  ['zstd', bytes => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  ['xz', program('xz')],
  ['bzip2', program('bzip2')],
]

const original = Buffer.from(Array.from({ length: 60_000 }, (_, index) => `line ${index * 7919}\n`).join(''))

async function* pieces(bytes: Buffer, size: number) {
  for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size)
}

async function restore(bytes: Buffer, size = 60_000): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(decompress(pieces(bytes, size))))
}

test('plain bytes pass through, none and few included', async () => {
  for (const bytes of [original, Buffer.alloc(0), Buffer.from('x'), Buffer.from('BZ')]) {
    assert.ok((await restore(bytes, 1009)).equals(bytes))
  }
})

for (const [format, compress] of formats) {
  const packed = compress(original)

  test(`${format} is recognised and restored`, async () => {
    assert.equal(compressionOf(packed), format)
    assert.ok((await restore(packed)).equals(original))
  })

  test(`${format} in several parts is restored`, async () => {
    const parts = Buffer.concat([packed, compress(Buffer.from('second')), compress(Buffer.from('third'))])
    for (const size of [997, 60_000]) {
      assert.ok((await restore(parts, size)).equals(Buffer.concat([original, Buffer.from('secondthird')])))
    }
  })

  test(`${format} that is cut is invalid`, async () => {
    for (const length of [7, 20, packed.length >> 1, packed.length - 1]) {
      await assert.rejects(restore(packed.subarray(0, length)), { kind: 'invalid', message: /unexpected EOF/ })
    }
  })

  test(`${format} that is damaged is invalid`, async () => {
    const damaged = Buffer.from(packed)
    damaged.fill(0x55, packed.length >> 1, (packed.length >> 1) + 64)
    await assert.rejects(restore(damaged), error => kindOf(error) === 'invalid')
  })

  test(`a bomb in ${format} is handed out in bounded pieces and can be stopped`, async () => {
    const bomb = compress(Buffer.alloc(64 << 20))
    let ended = false
    async function* source() {
      try {
        yield* pieces(bomb, 1 << 20)
      } finally {
        ended = true
      }
    }
    let taken = 0
    for await (const piece of decompress(source())) {
      assert.ok(piece.length <= 1 << 20)
      taken += piece.length
      if (taken > 4 << 20) break
    }
    assert.ok(ended)
  })
}

test('what expands beyond all measure is stopped', async () => {
  const bomb = zstdCompressSync(Buffer.alloc(32 << 20))
  const expand = (ratio: number) => Array.fromAsync(decompress(pieces(bomb, 1000), { free: 1 << 20, ratio }))
  await assert.rejects(expand(100), { kind: 'invalid', message: /more than 100 times its size/ })
  assert.equal(Buffer.concat(await expand(1e9)).length, 32 << 20)
})

async function* failing() {
  yield gzipSync(original).subarray(0, 1000)
  throw new Error('connection lost')
}

test('a failing source fails the result', async () => {
  await assert.rejects(Array.fromAsync(decompress(failing())), { message: 'connection lost' })
})

test('a zstd stream may begin with a skippable frame', async () => {
  const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2])
  assert.ok((await restore(Buffer.concat([skippable, zstdCompressSync(original)]))).equals(original))
})
