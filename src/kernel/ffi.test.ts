// Bindings and the errors made of errno.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  KernelError,
  addressOf,
  bind,
  bindLibrary,
  cString,
  check,
  describe,
  hasCode,
  lastErrno,
  stringAt,
} from './ffi.ts'

const { close, chdir } = bind({
  close: { arguments: ['i32'], return: 'i32' },
  chdir: { arguments: ['pointer'], return: 'i32' },
})

test('a failed call leaves its errno, and check makes an error of it', () => {
  assert.equal(close(-1), -1)
  assert.equal(lastErrno(), 9)
  const refused = { name: 'KernelError', code: 'EBADF', errno: 9, message: 'close number -1: bad file descriptor' }
  assert.throws(() => check('close', 'number -1', close(-1)), refused)
  assert.equal(check('chdir', '.', chdir('.')), 0)
})

test('unknown numbers have an error too', () => {
  assert.equal(new KernelError('call', 4000, 'x').code, 'E4000')
  assert.equal(describe(2), 'no such file or directory')
})

test('errors of the kernel and of node are told apart by code', () => {
  assert.ok(hasCode(new KernelError('open', 2, 'x'), 'EEXIST', 'ENOENT'))
  assert.ok(!hasCode(new KernelError('open', 2, 'x'), 'EEXIST'))
  assert.ok(!hasCode('ENOENT', 'ENOENT'))
})

test('strings go to C and come back', () => {
  const text = cString('grün')
  assert.equal(stringAt(addressOf(text)), 'grün')
  assert.equal(stringAt(0n), undefined)
  assert.throws(() => cString('a\0b'), { code: 'EINVAL' })
})

test('a library or function that is not there is no crash', () => {
  assert.equal(bindLibrary('libnothing.so.99', {}), undefined)
  assert.equal(bindLibrary('libc.so.6', { no_such_function: { arguments: [], return: 'i32' } }), undefined)
})
