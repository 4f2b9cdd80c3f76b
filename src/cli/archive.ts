// Archives that a user names on the command line.

import { once } from 'node:events'
import { type ReadStream, createReadStream } from 'node:fs'
import { fileError } from './values.ts'

/** The file at `path`, opened. Throws with Docker's sentence if that is not possible. */
export async function openArchive(path: string): Promise<ReadStream> {
  const file = createReadStream(path)
  try {
    await once(file, 'open')
    return file
  } catch (error) {
    throw fileError(path, error)
  }
}
