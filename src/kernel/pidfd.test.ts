// Processes by descriptor: signalled while they live, and never mistaken for another.

import assert from 'node:assert/strict'
import { readSync, readlinkSync } from 'node:fs'
import { test } from 'node:test'
import { openPath } from './descriptor.ts'
import { pidfdGetFd, pidfdOpen, pidfdSignal } from './pidfd.ts'
import { pipe, reap, spawn } from './spawn.ts'

/** A child that lives until it is killed; `ended` waits for that. */
function sleeper() {
  const [reader, writer] = pipe()
  using hostname = openPath('/etc/hostname', 0)
  const fds = new Map([
    [1, writer],
    [5, hostname],
  ])
  const pid = spawn({ file: '/bin/sleep', argv: ['sleep', '1000'], env: {}, fds })
  writer.close()
  const ended = () => {
    readSync(reader.number, Buffer.alloc(1))
    reader.close()
    for (;;) {
      const status = reap(pid)
      if (status !== undefined) return status
    }
  }
  return { pid, ended }
}

test('a signal reaches the process, and none after it has been reaped', () => {
  const { pid, ended } = sleeper()
  using process = pidfdOpen(pid)
  pidfdSignal(process, 0)
  pidfdSignal(process, 15)
  assert.equal(ended(), 143)
  assert.throws(() => pidfdSignal(process, 9), { message: 'pidfd_send_signal signal 9: no such process' })
})

test('a descriptor of another process can be had', () => {
  const { pid, ended } = sleeper()
  using process = pidfdOpen(pid)
  {
    using theirs = pidfdGetFd(process, 5)
    assert.equal(readlinkSync(theirs.path), '/etc/hostname')
    assert.throws(() => pidfdGetFd(process, 999), { code: 'EBADF', message: /^pidfd_getfd descriptor 999: / })
  }
  pidfdSignal(process, 9)
  assert.equal(ended(), 137)
})

test('a process that is not there', () => {
  assert.throws(() => pidfdOpen(2 ** 22 + 1), { code: 'ESRCH', message: /^pidfd_open process 4194305: / })
})
