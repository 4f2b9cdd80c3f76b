// A criu that works on this kernel: the host's, or that of a newer Debian, unpacked and run by its own loader.

import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'

import { type Result, output, run } from './command.ts'

const folder = join(import.meta.dirname, '../../build/test-images')
const suite = 'trixie'

/** A directory for PATH with a criu that works here, or what the kernel lacks for it. */
export type Criu =
  | { readonly directory: string; readonly lack?: undefined }
  | { readonly directory?: undefined; readonly lack: string }

/** Finds one, or makes one: that takes some seconds, once. */
export async function workingCriu(): Promise<Criu> {
  const installed = await check('criu')
  if (installed?.code === 0) return { directory: '/usr/sbin' }
  const directory = join(folder, `criu-${suite}`)
  mkdirSync(folder, { recursive: true })
  if (!existsSync(directory))
    await output(['flock', join(folder, 'criu.lock'), process.execPath, import.meta.filename], { timeout: 600_000 })
  const newer = await check(join(directory, 'criu'))
  if (newer?.code === 0) return { directory }
  return { lack: `criu does not work on Linux ${release()}: ${newer?.stderr.trim() || newer?.stdout.trim()}` }
}

const check = (criu: string): Promise<Result | undefined> => run([criu, 'check']).catch(() => undefined)

async function make(): Promise<void> {
  const directory = join(folder, `criu-${suite}`)
  if (existsSync(directory)) return
  mkdirSync(folder, { recursive: true })
  const draft = `${directory}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft)
  const root = join(draft, 'root')
  await output(['mmdebstrap', '--variant=extract', '--include=criu', suite, root], { timeout: 600_000 })
  const [loader = ''] = globSync('usr/lib{,64}/ld-linux-*.so.*', { cwd: root })
  const [libraries = ''] = globSync('usr/lib/*-linux-gnu', { cwd: root })
  const script = `#!/bin/sh
root=$(dirname "$0")/root
exec "$root/${loader}" --argv0 criu --library-path "$root/${libraries}" "$root/usr/sbin/criu" "$@"
`
  writeFileSync(join(draft, 'criu'), script, { mode: 0o755 })
  renameSync(draft, directory)
}

if (process.argv[1] === import.meta.filename) await make()
