// A tar archive put into a directory of this machine. The engine's word is not taken for where that ends.

import { execFileSync } from 'node:child_process'
import {
  type BigIntStats,
  closeSync,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import type { Readable } from 'node:stream'
import { invalid } from '../../lib/errors.ts'
import type { TarEntry } from '../../lib/tar/entry.ts'
import { type TarEvent, TarReader } from '../../lib/tar/reader.ts'

/**
 * Unpacks `input` into `directory`, with names as `rename` has them; owners are who runs this. Directories stay directories,
 * and everything else is replaced. Throws `invalid` for names and links that lead out of it.
 */
export async function unpack(input: Readable, directory: string, rename: (name: string) => string): Promise<void> {
  using unpacking = new Unpacking(Buffer.from(directory).toString('latin1'), rename)
  const reader = new TarReader()
  for await (const chunk of input) for (const event of reader.push(chunk as Buffer)) unpacking.take(event)
  for (const event of reader.finish()) unpacking.take(event)
  unpacking.finish()
}

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1')
const textOf = (path: string): string => JSON.stringify(bytesOf(path).toString())
const secondsOf = ({ mtime }: TarEntry): number => Number(mtime) / 1e9

class Unpacking implements Disposable {
  readonly #directory: string
  readonly #rename: (name: string) => string
  /** Links that came with the archive: nothing goes through them. */
  readonly #links = new Set<string>()
  readonly #directories = new Map<string, TarEntry>()
  #file: { readonly number: number; readonly entry: TarEntry } | undefined

  constructor(directory: string, rename: (name: string) => string) {
    this.#directory = directory
    this.#rename = rename
  }

  take(event: TarEvent): void {
    if (event.kind === 'entry') this.#begin(event.entry)
    else if (event.kind === 'data') this.#write(event.bytes, event.offset)
    else this.#end()
  }

  #begin(entry: TarEntry): void {
    const path = this.#place(entry.name)
    if (path === undefined) return
    const there = lstatSync(bytesOf(path), { bigint: true, throwIfNoEntry: false })
    this.#checkReplaceable(path, entry, there)
    if (entry.type === 'directory') return this.#makeDirectory(path, entry, there !== undefined)
    if (there) rmSync(bytesOf(path))
    this.#make(path, entry)
  }

  /** Where a name leads; undefined for the directory itself. */
  #place(name: string): string | undefined {
    const parts: string[] = []
    for (const part of this.#rename(name).split('/')) {
      if (part === '..' && parts.pop() === undefined) throw invalid(`${textOf(name)} is outside of the destination`)
      if (part !== '' && part !== '.' && part !== '..') parts.push(part)
    }
    if (parts.length === 0) return undefined
    let path = this.#directory.replace(/\/+$/, '')
    for (const [index, part] of parts.entries()) {
      if (this.#links.has(path)) throw invalid(`${textOf(name)} leads through a link of the archive`)
      path += `/${part}`
      if (index < parts.length - 1) mkdirSync(bytesOf(path), { recursive: true })
    }
    return path
  }

  #checkReplaceable(path: string, { type }: TarEntry, there: BigIntStats | undefined): void {
    if (!there || there.isDirectory() === (type === 'directory')) return
    const [kind, by] = there.isDirectory() ? ['directory', 'non-directory'] : ['non-directory', 'directory']
    throw invalid(`cannot overwrite ${kind} ${textOf(path)} with ${by} ${textOf(this.#directory)}`)
  }

  #makeDirectory(path: string, entry: TarEntry, exists: boolean): void {
    if (!exists) mkdirSync(bytesOf(path))
    chmodSync(bytesOf(path), entry.mode)
    this.#directories.set(path, entry)
  }

  #make(path: string, entry: TarEntry): void {
    this.#links.delete(path)
    const { type, linkName, mode } = entry
    if (type === 'file') {
      this.#file = { number: openSync(bytesOf(path), 'wx', 0o600), entry }
      return
    }
    if (type === 'hardlink') return this.#makeHardLink(path, linkName)
    if (type === 'symlink') {
      symlinkSync(bytesOf(linkName), bytesOf(path))
      this.#links.add(path)
      return lutimesSync(bytesOf(path), secondsOf(entry), secondsOf(entry))
    }
    this.#makeSpecial(path, entry)
    chmodSync(bytesOf(path), mode)
    utimesSync(bytesOf(path), secondsOf(entry), secondsOf(entry))
  }

  // Another name of a link is one, too.
  #makeHardLink(path: string, linkName: string): void {
    const target = this.#place(linkName) ?? this.#directory
    linkSync(bytesOf(target), bytesOf(path))
    if (this.#links.has(target)) this.#links.add(path)
  }

  // Node has no call for these.
  #makeSpecial(path: string, { type, major, minor }: TarEntry): void {
    const place = bytesOf(path).toString()
    if (type === 'fifo') execFileSync('mkfifo', ['--', place])
    else execFileSync('mknod', ['--', place, type === 'block' ? 'b' : 'c', String(major), String(minor)])
  }

  #write(bytes: Buffer, offset: number): void {
    if (this.#file) writeSync(this.#file.number, bytes, 0, bytes.length, offset)
  }

  #end(): void {
    const file = this.#file
    if (!file) return
    this.#file = undefined
    try {
      ftruncateSync(file.number, file.entry.size)
      fchmodSync(file.number, file.entry.mode)
      futimesSync(file.number, secondsOf(file.entry), secondsOf(file.entry))
    } finally {
      closeSync(file.number)
    }
  }

  /** Sets the times of directories, which change with all that is put into them. */
  finish(): void {
    for (const [path, entry] of this.#directories) utimesSync(bytesOf(path), secondsOf(entry), secondsOf(entry))
  }

  [Symbol.dispose](): void {
    if (this.#file) closeSync(this.#file.number)
  }
}
