// Programs of a newer Debian than the host's, unpacked below build/ and run by their own loader.

import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { output } from './command.ts'

const folder = join(import.meta.dirname, '../../build/test-images')
const suite = 'trixie'

/** A directory with a command `basename(program)` that runs `program`, a path in the package; making it takes some seconds, once. */
export async function fromNewerDebian(pack: string, program: string): Promise<string> {
  const directory = join(folder, `${pack}-${suite}`)
  mkdirSync(folder, { recursive: true })
  const maker = [process.execPath, import.meta.filename, pack, program]
  if (!existsSync(directory)) await output(['flock', join(folder, `${pack}.lock`), ...maker], { timeout: 600_000 })
  return directory
}

async function make(pack: string, program: string): Promise<void> {
  const directory = join(folder, `${pack}-${suite}`)
  if (existsSync(directory)) return
  const draft = `${directory}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft)
  const root = join(draft, 'root')
  await output(['mmdebstrap', '--variant=extract', `--include=${pack}`, suite, root], { timeout: 600_000 })
  const [loader = ''] = globSync('usr/lib{,64}/ld-linux-*.so.*', { cwd: root })
  const [libraries = ''] = globSync('usr/lib/*-linux-gnu', { cwd: root })
  const name = basename(program)
  const script = `#!/bin/sh
root=$(dirname "$0")/root
exec "$root/${loader}" --argv0 ${name} --library-path "$root/${libraries}" "$root/${program}" "$@"
`
  writeFileSync(join(draft, name), script, { mode: 0o755 })
  renameSync(draft, directory)
}

const [, script, pack, program] = process.argv
if (script === import.meta.filename && pack !== undefined && program !== undefined) await make(pack, program)
