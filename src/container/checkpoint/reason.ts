// Why a checkpoint could not be written or used: CRIU's own words, or what the host lacks.

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { hasCode } from '../../kernel/ffi.ts'
import { kindOf, messageOf } from '../../lib/errors.ts'
import { runHelper } from '../run-program.ts'

/** What is known of a runtime that failed. */
export interface FailedRuntime {
  /** Absolute path of the runtime. */
  readonly runtime: string
  readonly runtimeArguments: readonly string[]
  /** CRIU's log, which need not be there. */
  readonly log: string
  /** What the runtime said; counts if nothing better is found. */
  readonly words: string
}

/** One sentence that says what to do, where that is known. Never throws. */
export async function reasonFor({ runtime, runtimeArguments, log, words }: FailedRuntime): Promise<string> {
  return (
    (await lackOfRuntime(runtime, runtimeArguments)) ??
    (await lackOfCriu(loggedError(log))) ??
    loggedError(log) ??
    (words.trim().split('\n').at(-1) || 'the runtime did not say why')
  )
}

// crun is built with or without; runc and others call the program.
async function lackOfRuntime(runtime: string, args: readonly string[]): Promise<string | undefined> {
  if (basename(runtime) !== 'crun') return undefined
  const version = await runHelper(runtime, [...args, '--version']).catch(() => undefined)
  if (!version || version.stdout.includes('+CRIU')) return undefined
  return `${runtime} was built without CRIU: create the container with another runtime, such as --runtime runc`
}

async function lackOfCriu(logged: string | undefined): Promise<string | undefined> {
  try {
    const version = /Version: (\S+)/.exec((await runHelper('criu', ['--version'])).stdout)?.[1] ?? ''
    const { status, stderr } = await runHelper('criu', ['check'])
    const error = firstError(stderr)
    if (status === 0 || error === undefined || (logged !== undefined && logged !== error)) return undefined
    return `CRIU ${version} does not work on this kernel, a newer one may: ${error}`
  } catch (error) {
    if (kindOf(error) === 'notFound') return 'the program criu is not installed on this host'
    return messageOf(error)
  }
}

const mostBytes = 4 * 1024 * 1024

function loggedError(path: string): string | undefined {
  try {
    return firstError(readFileSync(path, 'utf8').slice(-mostBytes))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    return messageOf(error)
  }
}

// The later ones are what followed from it. That it can't raise its own limits disturbs nothing.
function firstError(text: string): string | undefined {
  const errors = [...text.matchAll(/Error \([\w/.-]+:\d+\): (.+)/g)].map(([, said = '']) => said)
  return errors.find(said => !said.startsWith('rlimit: '))
}
