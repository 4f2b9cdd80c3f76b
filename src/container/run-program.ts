// A program of the host run to its end, by posix_spawn: a fork of the daemon would copy its page tables.

import { accessSync, constants } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { notFound } from '../lib/errors.ts'
import { pipe, reap, spawn } from '../kernel/spawn.ts'

const searchPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** How a program ended and what it wrote. */
export interface ProgramResult {
  /** Its exit code, or 128 and the number of the signal that ended it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `name` from the host's usual directories, without input. Throws notFound if the host doesn't have it. */
export async function runProgram(name: string, args: readonly string[]): Promise<ProgramResult> {
  const file = findProgram(name)
  const [out, outEnd] = pipe()
  const [err, errEnd] = pipe()
  const fds = new Map([
    [1, outEnd],
    [2, errEnd],
  ])
  const pid = spawn({ file, argv: [name, ...args], env: { PATH: searchPath.join(':'), LC_ALL: 'C.UTF-8' }, fds })
  outEnd.close()
  errEnd.close()
  const streams = [out, err].map(end => text(new Socket({ fd: end.release(), readable: true, writable: false })))
  const [stdout = '', stderr = ''] = await Promise.all(streams)
  return { status: await reaped(pid), stdout, stderr }
}

function findProgram(name: string): string {
  const found = searchPath.map(directory => join(directory, name)).find(isExecutable)
  if (found === undefined) throw notFound(`${name} is not installed on this host`)
  return found
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

// Its streams have ended, so it is about to.
async function reaped(pid: number): Promise<number> {
  for (;;) {
    const status = reap(pid)
    if (status !== undefined) return status
    await delay(1)
  }
}
