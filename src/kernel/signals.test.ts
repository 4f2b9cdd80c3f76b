// Signals as dockerd reads them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSignal, parseSignalToSend } from './signals.ts'

test('names in any case, with and without SIG, and numbers', () => {
  const expected = {
    SIGKILL: 9,
    KILL: 9,
    kill: 9,
    sigTerm: 15,
    '9': 9,
    '09': 9,
    '+2': 2,
    CLD: 17,
    CHLD: 17,
    IOT: 6,
    POLL: 29,
    STKFLT: 16,
    SYS: 31,
    RTMIN: 34,
    'SIGRTMIN+3': 37,
    'rtmin+15': 49,
    'RTMAX-14': 50,
    RTMAX: 64,
  }
  for (const [text, number] of Object.entries(expected)) {
    assert.equal(parseSignal(text), number, text)
    assert.equal(parseSignalToSend(text), number, text)
  }
})

test('what is no signal is refused in dockerd’s words', () => {
  for (const text of [
    '',
    '0',
    '00',
    'SIG',
    'NOPE',
    'SIGSIGKILL',
    '9x',
    ' 9',
    '1.5',
    'RTMIN+16',
    'RTMIN+0',
    'RTMAX-15',
    '9'.repeat(30),
  ])
    assert.throws(() => parseSignal(text), { kind: 'invalid', message: `Invalid signal: ${text}` })
})

test('a number that Linux has no signal for can be configured but not sent', () => {
  for (const number of [65, 999, -9, 32, 33]) {
    assert.equal(parseSignal(String(number)), number)
    const message = `the linux daemon does not support signal ${number}`
    assert.throws(() => parseSignalToSend(String(number)), { kind: 'invalid', message })
  }
})
