// What the tests of this folder share: archives built by hand, read back, and directories that go away.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TarEntry } from '../lib/tar/entry.ts'
import { type TarEvent, TarReader } from '../lib/tar/reader.ts'
import { type NewEntry, endOfArchive, formatHeader, padding } from '../lib/tar/writer.ts'

/** An entry with its content; its size follows from that. */
export type TestEntry = NewEntry & { readonly content?: string | Buffer }

/** An archive of `entries`, as the engine's own writer makes it. */
export function archive(entries: readonly TestEntry[], { end = true } = {}): Buffer {
  const parts = entries.flatMap(({ content = '', ...entry }) => {
    const bytes = Buffer.from(content as string)
    return [formatHeader({ mode: 0o644, size: bytes.length, ...entry }), bytes, padding(bytes.length)]
  })
  return Buffer.concat(end ? [...parts, endOfArchive] : parts)
}

/** The entries of an archive that arrives in pieces of `chunkSize` bytes; holes read as zeros. */
export function readArchive(bytes: Buffer, chunkSize = bytes.length || 1): (TarEntry & { content: Buffer })[] {
  const found: (TarEntry & { content: Buffer })[] = []
  const take = (event: TarEvent) => {
    if (event.kind === 'entry') found.push({ ...event.entry, content: Buffer.alloc(event.entry.size) })
    if (event.kind === 'data') found.at(-1)?.content.set(event.bytes, event.offset)
  }
  const reader = new TarReader()
  for (let offset = 0; offset < bytes.length; offset += chunkSize) {
    for (const event of reader.push(bytes.subarray(offset, offset + chunkSize))) take(event)
  }
  for (const event of reader.finish()) take(event)
  return found
}

/** A directory of its own, removed at the end of the scope. */
export function temporaryDirectory(): Disposable & { readonly path: string; join(...names: string[]): string } {
  const path = mkdtempSync(join(tmpdir(), 'gantry-content-'))
  return {
    path,
    join: (...names) => join(path, ...names),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
