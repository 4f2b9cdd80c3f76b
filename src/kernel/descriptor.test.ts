// Ownership of descriptors: closed once, close-on-exec, and dead afterwards.

import assert from 'node:assert/strict'
import { constants, existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Fd, openPath } from './descriptor.ts'
import { KernelError } from './ffi.ts'

const isOpen = (number: number) => existsSync(`/proc/self/fd/${number}`)

const flagsOf = (fd: Fd) =>
  Number.parseInt(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd.number}`, 'utf8'))?.[1] ?? '', 8)

test('a scope closes its descriptor', () => {
  let number: number
  {
    using fd = openPath('/')
    number = fd.number
    assert.ok(isOpen(number))
  }
  assert.equal(isOpen(number), false)
})

test('descriptors are close-on-exec, duplicates too', () => {
  using fd = openPath('/dev/null', constants.O_RDONLY)
  using copy = fd.dup(50)
  assert.ok(copy.number >= 50)
  for (const each of [fd, copy]) assert.ok(flagsOf(each) & 0o2000000)
})

test('a closed descriptor cannot be used, nor close a number that came to mean another file', () => {
  const fd = openPath('/')
  const { number } = fd
  fd.close()
  using other = openPath('/')
  assert.equal(other.number, number)
  fd.close()
  assert.ok(isOpen(number))
  assert.throws(() => fd.number, { code: 'EBADF' })
})

test('a released number is its new owner’s to close', () => {
  const fd = openPath('/')
  using owner = new Fd(fd.release())
  fd.close()
  assert.ok(isOpen(owner.number))
  assert.throws(() => fd.release(), { code: 'EBADF' })
})

test('a failure names call, path and reason', () => {
  assert.throws(
    () => openPath('/nowhere/at all'),
    (error: unknown) => {
      assert.ok(error instanceof KernelError)
      assert.equal(error.message, 'open /nowhere/at all: no such file or directory')
      assert.deepEqual([error.code, error.syscall, error.subject], ['ENOENT', 'open', '/nowhere/at all'])
      return true
    },
  )
})

test('errno aliases go by their usual name', () => {
  assert.equal(new KernelError('read', 11, 'x').code, 'EAGAIN')
  assert.equal(new KernelError('setxattr', 95, 'x').code, 'ENOTSUP')
})
