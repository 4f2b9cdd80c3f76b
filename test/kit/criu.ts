// A criu that works on this kernel: the host's, or that of a newer Debian.

import { release } from 'node:os'
import { join } from 'node:path'

import { type Result, run } from './command.ts'
import { fromNewerDebian } from './newer-debian.ts'

/** A directory for PATH with a criu that works here, or what the kernel lacks for it. */
export type Criu =
  | { readonly directory: string; readonly lack?: undefined }
  | { readonly directory?: undefined; readonly lack: string }

/** Finds one, or makes one: that takes some seconds, once. */
export async function workingCriu(): Promise<Criu> {
  const installed = await check('criu')
  if (installed?.code === 0) return { directory: '/usr/sbin' }
  const directory = await fromNewerDebian('criu', 'usr/sbin/criu')
  const newer = await check(join(directory, 'criu'))
  if (newer?.code === 0) return { directory }
  return { lack: `criu does not work on Linux ${release()}: ${newer?.stderr.trim() || newer?.stdout.trim()}` }
}

const check = (criu: string): Promise<Result | undefined> => run([criu, 'check']).catch(() => undefined)
