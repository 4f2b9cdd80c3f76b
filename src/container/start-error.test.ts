// The words of crun 1.8 and runc 1.1 for what they can't start, and what clients make of ours.

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { conflict } from '../lib/errors.ts'
import { StartFailure } from '../runtime/shim.ts'
import { startError } from './start-error.ts'

const cases: readonly [runtime: string, program: string, message: string, exitCode: number][] = [
  [
    'executable file `nope` not found in $PATH: No such file or directory',
    'nope',
    'exec: "nope": executable file not found in $PATH',
    127,
  ],
  [
    'runc run failed: unable to start container process: exec: "nope": executable file not found in $PATH',
    'nope',
    'exec: "nope": executable file not found in $PATH',
    127,
  ],
  [
    'runc run failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory',
    '/nope',
    'exec: "/nope": stat /nope: no such file or directory',
    127,
  ],
  ['open executable: Permission denied', '/etc/passwd', 'exec: "/etc/passwd": permission denied', 126],
  [
    'runc run failed: unable to start container process: exec: "/etc": permission denied',
    '/etc',
    'exec: "/etc": permission denied',
    126,
  ],
  ['open executable: Operation not permitted', '', 'exec: "": executable file not found in $PATH', 127],
]

describe('a failed start', () => {
  for (const [runtime, program, message, exitCode] of cases) {
    test(`is ${exitCode} for: ${runtime}`, () => {
      const failure = startError(new StartFailure(runtime, 1, ''), program)
      assert.deepEqual(failure, { kind: 'invalid', message: `unable to start container process: ${message}`, exitCode })
    })
  }

  test('of what is no runtime keeps its words and its kind', () => {
    const failure = startError(conflict('cannot join network namespace of a non running container: a'), 'sh')
    assert.deepEqual(failure, {
      kind: 'conflict',
      message: 'cannot join network namespace of a non running container: a',
      exitCode: 128,
    })
  })
})
