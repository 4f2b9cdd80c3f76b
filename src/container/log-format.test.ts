// Lines of a log as clients get them: what is copied as it is, and what has to be read, come out alike.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { array, assert as holds, boolean, constantFrom, oneof, property, record, string } from 'fast-check'
import { LogFormat, type LogQuery, frameHeader } from './log-format.ts'

const everything: LogQuery = {
  stdout: true,
  stderr: true,
  since: undefined,
  until: undefined,
  tail: undefined,
  follow: false,
  timestamps: false,
  details: false,
}

const time = '2026-11-27T21:40:22.123456789Z'
const log = oneof(
  string({ unit: constantFrom(...'ab1 é€😀') }).map(text => `${text}\n`),
  string({ unit: 'binary' }).map(text => text.toWellFormed()),
  constantFrom('"\n', '\\\n', '\\n\n', '","stream":"stdout","time":"x"}\n', '\u2028\n', 'x'.repeat(5000), ''),
)
const entry = record(
  { log, stream: constantFrom('stdout', 'stderr'), time: constantFrom(time), attrs: constantFrom({ a: 'b' }) },
  { requiredKeys: ['log', 'stream', 'time'] },
)

test('every text comes out as it was written', () => {
  const shown = property(array(entry), boolean(), boolean(), boolean(), (entries, tty, timestamps, stderr) => {
    const lines = Buffer.from(entries.map(one => `${JSON.stringify(one)}\n`).join(''))
    const { output, done } = new LogFormat({ ...everything, timestamps, stderr }, tty).show(lines)
    const expected = entries.flatMap(({ log: text, stream }) => {
      if (stream === 'stderr' && !stderr) return []
      const bytes = Buffer.from(timestamps ? `${time} ${text}` : text)
      return tty ? [bytes] : [frameHeader(stream, bytes.length), bytes]
    })
    assert.equal(done, false)
    assert.ok(output.equals(Buffer.concat(expected)))
  })
  holds(shown, { numRuns: 500 })
})

const line = (text: string, at = time) => `${JSON.stringify({ log: text, stream: 'stdout', time: at })}\n`

test('a line that is none is left out, and one past the end ends the log', () => {
  const lines = `${line('1\n')}{"log":"a","stream":"stdout","time":"b\\n","stream":"stdout","time":"c"\n{"log":\n${line('2\n')}`
  const { output } = new LogFormat(everything, true).show(Buffer.from(lines))
  assert.equal(String(output), '1\n2\n')
  const until = BigInt(Date.parse('2026-11-27T21:40:23Z')) * 1_000_000n
  const late = Buffer.from(line('1\n') + line('2\n', '2026-11-27T21:40:23.1Z') + line('3\n'))
  const bounded = new LogFormat({ ...everything, until }, true).show(late)
  assert.deepEqual([String(bounded.output), bounded.done], ['1\n', true])
})
