// Storage in a directory: objects are files; they appear by rename, when they are complete and synced.

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { lockFile } from '../kernel/lock.ts'
import type { ByteRange, Received, Storage } from './storage.ts'

const fewBytes = 1 << 20

export class DiskStorage implements Storage {
  readonly isShared = false
  readonly #root: string
  #lock: Disposable | undefined

  constructor(root: string) {
    this.#root = root
  }

  /**
   * Makes the directories and removes what an earlier run left half written. To be called before anything else. Throws if another
   * process has the directory.
   */
  async prepare(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 })
    this.#lock = lockFile(join(this.#root, '_lock'))
    if (!this.#lock)
      throw new Error(`${this.#root} is in use by another registry: stop it, or give this one another root`)
    await rm(this.#temporary(), { recursive: true, force: true })
    await mkdir(this.#temporary())
  }

  async size(key: string): Promise<number | undefined> {
    const found = await ifThere(stat(this.#path(key)))
    return found?.isFile() ? found.size : undefined
  }

  async modified(key: string): Promise<number | undefined> {
    return (await ifThere(stat(this.#path(key))))?.mtimeMs
  }

  open(key: string, range?: ByteRange): Readable {
    return createReadStream(this.#path(key), { ...range, highWaterMark: fewBytes })
  }

  read(key: string): Promise<Buffer | undefined> {
    return ifThere(readFile(this.#path(key)))
  }

  async write(key: string, content: Uint8Array): Promise<void> {
    const temporary = this.#temporary(randomUUID())
    try {
      {
        await using file = await open(temporary, 'wx', 0o600)
        await file.writeFile(content)
        await file.datasync()
      }
      await this.#rename(temporary, this.#path(key))
    } finally {
      await rm(temporary, { force: true })
    }
  }

  async remove(key: string): Promise<boolean> {
    const path = this.#path(key)
    const removed = await ifThere(unlink(path).then(() => true))
    if (removed) await syncDirectory(dirname(path))
    return removed ?? false
  }

  async list(prefix: string): Promise<readonly string[]> {
    return (await ifThere(readdir(this.#path(prefix)))) ?? []
  }

  async received(key: string): Promise<Received | undefined> {
    const found = await ifThere(stat(this.#path(key)))
    return found?.isFile() ? { size: found.size, mark: '', modified: found.mtimeMs } : undefined
  }

  async append(key: string, source: AsyncIterable<Uint8Array>): Promise<Received> {
    const path = this.#path(key)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await using file = await open(path, 'a', 0o600)
    for await (const chunk of source) await writeAll(file, chunk)
    const { size, mtimeMs: modified } = await file.stat()
    return { size, mark: '', modified }
  }

  openReceived(key: string): AsyncIterable<Uint8Array> {
    return this.open(key)
  }

  openPart(key: string, range: ByteRange): AsyncIterable<Buffer> {
    return this.open(key, range)
  }

  async promote(key: string, _received: Received, to: string): Promise<void> {
    {
      await using file = await open(this.#path(key), 'r')
      await file.datasync()
    }
    await this.#rename(this.#path(key), this.#path(to))
  }

  discard(key: string): Promise<boolean> {
    return this.remove(key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lock?.[Symbol.dispose]()
  }

  async #rename(from: string, to: string): Promise<void> {
    const directory = dirname(to)
    const made = await mkdir(directory, { recursive: true, mode: 0o700 })
    await rename(from, to)
    await syncDirectory(directory)
    // Directories that are new have to be durable in theirs as well.
    if (made === undefined) return
    for (let parent = directory; parent.length >= made.length; parent = dirname(parent))
      await syncDirectory(dirname(parent))
  }

  #path(key: string): string {
    return join(this.#root, key)
  }

  // Not a key: no repository begins with an underscore.
  #temporary(name = ''): string {
    return join(this.#root, '_tmp', name)
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) rest = rest.subarray((await file.write(rest)).bytesWritten)
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}

// A name that is too long for a file, or lies below one, is one that isn't there.
async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
