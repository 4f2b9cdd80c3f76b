// A program of the host run to its end, by posix_spawn: a fork of the daemon would copy its page tables.

import { accessSync, constants } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { notFound } from '../lib/errors.ts'
import { type Program, pipe, reap, spawn } from '../kernel/spawn.ts'

const usualDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** How a program ended and what it wrote. */
export interface ProgramResult {
  /** Its exit code, or 128 and the number of the signal that ended it. */
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `name` from the host's usual directories, without input. Throws notFound if the host doesn't have it. */
export function runProgram(name: string, args: readonly string[]): Promise<ProgramResult> {
  const env = { PATH: usualDirectories.join(':'), LC_ALL: 'C.UTF-8' }
  return runFile({ file: findProgram(name, usualDirectories), argv: [name, ...args], env, fds: new Map() })
}

/** As runProgram, but looks where shims look for runtimes and runtimes for their helpers: in the daemon's own PATH. */
export function runHelper(name: string, args: readonly string[]): Promise<ProgramResult> {
  const env = helperEnvironment()
  const directories = [...env.PATH.split(':').filter(directory => directory.startsWith('/')), ...usualDirectories]
  return runFile({ file: findProgram(name, directories), argv: [name, ...args], env, fds: new Map() })
}

/** The environment of runtimes and their helpers. */
export const helperEnvironment = (): { PATH: string } => ({ PATH: process.env.PATH ?? usualDirectories.join(':') })

/** Runs a program to its end; its output is read to the end, so `program.fds` has neither 1 nor 2. Throws KernelError. */
export async function runFile(program: Program): Promise<ProgramResult> {
  const [out, outEnd] = pipe()
  const [err, errEnd] = pipe()
  const fds = new Map([...program.fds, [1, outEnd], [2, errEnd]])
  const pid = spawn({ ...program, fds })
  outEnd.close()
  errEnd.close()
  const streams = [out, err].map(end => text(new Socket({ fd: end.release(), readable: true, writable: false })))
  const [stdout = '', stderr = ''] = await Promise.all(streams)
  return { status: await reaped(pid), stdout, stderr }
}

function findProgram(name: string, directories: readonly string[]): string {
  if (name.startsWith('/')) return name
  const found = directories.map(directory => join(directory, name)).find(isExecutable)
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
