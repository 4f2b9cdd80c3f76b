// Progress on a terminal and elsewhere.

import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import type { ProgressMessage } from '../../api/types/image.ts'
import { barOf, showProgress } from './progress.ts'

const messages: ProgressMessage[] = [
  { status: 'Pulling from a', id: '1' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'aa' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'bb' },
  { status: 'Downloading', progressDetail: { current: 1_500_000, total: 3_000_000 }, id: 'aa' },
  { status: 'Pull complete', progressDetail: {}, id: 'bb' },
  { status: 'Digest: x' },
  { aux: { Tag: '1' } },
]

async function shown(list: readonly ProgressMessage[], terminal: { isTTY?: boolean; columns?: number } = {}) {
  let text = ''
  const aux: unknown[] = []
  const output = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  const source = (async function* () {
    yield* list
  })()
  await showProgress(source, { output: Object.assign(output, terminal), onAux: value => aux.push(value) })
  return { text, aux }
}

test('elsewhere than on a terminal it is told what was reached', async () => {
  const { text, aux } = await shown(messages)
  assert.equal(text, '1: Pulling from a\naa: Pulling fs layer\nbb: Pulling fs layer\nbb: Pull complete\nDigest: x\n')
  assert.deepEqual(aux, [{ Tag: '1' }])
})

/** A line that is so many lines above the cursor. */
const line = (lines: number, rest: string) => `\u001B[${lines}A\u001B[2K\r${rest}\r\u001B[${lines}B`

test('on a terminal each layer has a line that changes', async () => {
  const { text } = await shown(messages, { isTTY: true, columns: 120 })
  const bar = `[${'='.repeat(25)}>${' '.repeat(25)}]    1.5MB/3MB`
  const expected = [
    '1: Pulling from a\n',
    `\n${line(1, 'aa: Pulling fs layer ')}`,
    `\n${line(1, 'bb: Pulling fs layer ')}`,
    line(2, `aa: Downloading ${bar}`),
    line(1, 'bb: Pull complete '),
    'Digest: x\n',
  ]
  assert.equal(text, expected.join(''))
})

test('an error is the engine’s, and bars have an end', async () => {
  await assert.rejects(shown([{ error: 'short', errorDetail: { message: 'long' } }]), { message: 'long' })
  assert.equal(barOf({}, 120), '')
  assert.equal(barOf({ current: 5 }, 120), '      5B')
  assert.equal(barOf({ current: 5, total: 10 }, 80), '      5B/10B')
  assert.equal(barOf({ current: 20, total: 10 }, 120), `[${'='.repeat(50)}>]      20B`)
})
