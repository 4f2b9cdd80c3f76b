// One daemon per data root, per run root and per PID file, for as long as it lives.

import { ftruncateSync, mkdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Fd } from '../kernel/descriptor.ts'
import { hasCode } from '../kernel/ffi.ts'
import { lockFile } from '../kernel/lock.ts'
import { conflict } from '../lib/errors.ts'

/** What a daemon must have to itself. */
export interface Premises {
  readonly dataRoot: string
  readonly execRoot: string
  readonly pidfile: string
}

/**
 * Makes the roots, locks them and writes the PID file. Disposing of the result removes the PID file and releases all;
 * so does the kernel when the process dies, however it dies. Throws `conflict` if another daemon is there.
 */
export function claim({ dataRoot, execRoot, pidfile }: Premises): Disposable {
  using undo = new DisposableStack()
  mkdirSync(dataRoot, { recursive: true, mode: 0o710 })
  mkdirSync(execRoot, { recursive: true, mode: 0o711 })
  mkdirSync(dirname(pidfile), { recursive: true })
  undo.use(hold(join(dataRoot, 'gantryd.lock'), `the data root ${dataRoot}`, '--data-root'))
  undo.use(hold(join(execRoot, 'gantryd.lock'), `the run root ${execRoot}`, '--exec-root'))
  undo.use(hold(pidfile, `the PID file ${pidfile}`, '--pidfile'))
  undo.defer(() => rmSync(pidfile, { force: true }))
  return undo.move()
}

// Whoever holds the lock has its number in the file: it is only for people, the lock is what counts.
function hold(path: string, what: string, flag: string): Fd {
  const file = lockFile(path)
  if (!file) {
    const holder = readFileSync(path, 'utf8').trim()
    throw conflict(`${what} is in use by another gantryd, process ${holder}: stop it, or give this one another ${flag}`)
  }
  writeHolder(file)
  return file
}

// Over what is there, for which a full disk has room.
function writeHolder(file: Fd) {
  try {
    ftruncateSync(file.number, writeSync(file.number, String(process.pid), 0))
  } catch (error) {
    if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error
  }
}
