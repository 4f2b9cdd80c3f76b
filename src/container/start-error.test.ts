// What the runtimes say, in the words and exit codes that clients know.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conflict, kindOf, messageOf } from '../lib/errors.ts'
import { StartFailure } from '../runtime/shim.ts'
import { startError } from './start-error.ts'

const absent = 'exec: "x": executable file not found in $PATH'
const missing = 'exec: "/x": stat /x: no such file or directory'
const denied = 'exec: "/x": permission denied'

const sayings: readonly (readonly [program: string, said: string, exitCode: number, told: string])[] = [
  ['x', 'executable file `x` not found in $PATH: No such file or directory', 127, absent],
  ['x', `runc run failed: unable to start container process: ${absent}`, 127, absent],
  ['/x', 'executable file `/x` not found in $PATH: No such file or directory', 127, missing],
  ['/x', `runc run failed: unable to start container process: ${missing}`, 127, missing],
  ['/x', 'open executable: Permission denied', 126, denied],
  ['/x', `exec failed: unable to start container process: ${denied}`, 126, denied],
]

for (const [program, said, exitCode, told] of sayings) {
  test(`${said} is ${exitCode}`, () => {
    const message = `unable to start container process: ${told}`
    assert.deepEqual(startError(new StartFailure(said, 1, ''), program), { kind: 'invalid', message, exitCode })
  })
}

test('what no runtime said keeps its kind', () => {
  assert.deepEqual(startError(conflict('taken'), 'x'), { kind: 'conflict', message: 'taken', exitCode: 128 })
})

function attempt() {
  using _undo = {
    [Symbol.dispose]() {
      throw new Error('later')
    },
  }
  throw conflict('taken')
}

test('what went wrong first is told, though something failed as well when it was taken back', () => {
  assert.throws(attempt, (error: unknown) => {
    assert.deepEqual(startError(error, 'x'), { kind: 'conflict', message: 'taken', exitCode: 128 })
    assert.deepEqual([kindOf(error), messageOf(error)], ['conflict', 'taken'])
    return true
  })
})
