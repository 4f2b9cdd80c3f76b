// Files that a user asks to be written: there wholly, or as they were before.

import { createWriteStream, lstatSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { invalid } from '../lib/errors.ts'

/**
 * Throws with Docker's sentence if `path` is in no directory, or is something that can't be written over. `missing` words it
 * if there is no such directory, which not all of its commands do alike.
 */
export function checkOutputPath(path: string, missing = isMissing): void {
  const directory = dirname(path)
  if (!statSync(directory, { throwIfNoEntry: false })) {
    throw invalid(`invalid output path: ${missing(directory)}`)
  }
  const there = look(path)
  if (there?.isBlockDevice() || there?.isCharacterDevice()) throw invalid('got a device')
  if (there?.isFIFO()) throw invalid('got a named pipe')
}

/** The same for the archives of export and save, which no directory may be in the way of. */
export function checkArchivePath(path: string): void {
  checkOutputPath(path, directory => `stat ${directory}: no such file or directory`)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw invalid('cannot write to a directory')
}

const isMissing = (directory: string) => `directory ${JSON.stringify(directory)} does not exist`

function look(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOTDIR') throw cause
    throw invalid(`stat ${path}: not a directory`, { cause })
  }
}

/** Writes all of `input` to `path`; a failure leaves what was there. */
export async function writeFile(path: string, input: Readable): Promise<void> {
  const draft = join(dirname(path), `.tmp-${crypto.randomUUID()}`)
  try {
    await pipeline(input, createWriteStream(draft, { flags: 'wx', mode: 0o600 }))
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}
