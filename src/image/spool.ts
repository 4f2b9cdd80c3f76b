// An image archive while it is read: its files become blobs as they arrive, whatever their order, and are found by name.

import type { BlobInfo, BlobWriter, Blobs } from '../content/blobs.ts'
import { decompress } from '../content/decompress.ts'
import type { Hold } from '../content/holds.ts'
import type { ExpansionBounds } from '../content/limits.ts'
import { components } from '../content/layer-path.ts'
import type { TarEntry } from '../lib/tar/entry.ts'
import { type TarEvent, TarReader } from '../lib/tar/reader.ts'
import { invalid } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'

/** Each file of an archive costs a file on the disk. */
const maxEntries = 100_000
const maxLinks = 16

export class Spool {
  readonly #blobs: Blobs
  readonly #hold: Hold<Digest>
  readonly #files = new Map<string, BlobInfo>()
  readonly #links = new Map<string, string>()
  #entry: TarEntry | undefined
  #writer: BlobWriter | undefined
  #entries = 0

  private constructor(blobs: Blobs, hold: Hold<Digest>) {
    this.#blobs = blobs
    this.#hold = hold
  }

  /**
   * Reads an archive, compressed or not, to its end. Its files are held by `hold`, and durable once the store is synced.
   * Throws `invalid` if it is damaged, or expands beyond `bounds`.
   */
  static async read(
    blobs: Blobs,
    hold: Hold<Digest>,
    input: AsyncIterable<Buffer>,
    { bounds, signal }: { readonly bounds?: ExpansionBounds; readonly signal?: AbortSignal } = {},
  ): Promise<Spool> {
    const spool = new Spool(blobs, hold)
    const reader = new TarReader()
    try {
      for await (const chunk of decompress(input, bounds)) {
        signal?.throwIfAborted()
        for (const event of reader.push(chunk)) await spool.#take(event)
      }
      for (const event of reader.finish()) await spool.#take(event)
    } finally {
      await spool.#writer?.[Symbol.asyncDispose]()
    }
    return spool
  }

  async #take(event: TarEvent): Promise<void> {
    if (event.kind === 'entry') await this.#begin(event.entry)
    else if (event.kind === 'data') await this.#writer?.write(event.bytes)
    else await this.#end()
  }

  async #begin(entry: TarEntry): Promise<void> {
    if (++this.#entries > maxEntries) throw invalid(`the archive has more than ${maxEntries} entries`)
    this.#entry = entry
    if (entry.type === 'file') this.#writer = await this.#blobs.writer()
    const name = normalize(entry.name)
    const directory = name.slice(0, name.lastIndexOf('/') + 1)
    if (entry.type === 'symlink') this.#links.set(name, normalize(directory + entry.linkName))
    if (entry.type === 'hardlink') this.#links.set(name, normalize(entry.linkName))
  }

  async #end(): Promise<void> {
    const writer = this.#writer
    if (!writer || !this.#entry) return
    const name = normalize(this.#entry.name)
    // Holes at the end, if any, are part of the file.
    if (writer.size !== this.#entry.size) throw invalid(`${JSON.stringify(name)} in the archive is a sparse file`)
    this.#files.set(name, await writer.commit(this.#hold, {}, { durable: false }))
    this.#links.delete(name)
    this.#writer = undefined
  }

  /** The file called `name`, or what a link of that name leads to. */
  find(name: string): BlobInfo | undefined {
    let path = normalize(name)
    for (let hop = 0; hop < maxLinks; hop++) {
      const target = this.#links.get(path)
      if (target === undefined) return this.#files.get(path)
      path = target
    }
    return undefined
  }

  /** As find. Throws `invalid` if the archive has no such file. */
  get(name: string): BlobInfo {
    const file = this.find(name)
    if (!file) throw invalid(`invalid archive: does not contain ${JSON.stringify(name)}`)
    return file
  }

  /** The content of a file of at most `maximum` bytes. Throws `invalid` if it is missing or larger. */
  async read(name: string, maximum: number): Promise<Buffer> {
    return await this.#blobs.read(this.get(name).digest, maximum)
  }
}

const normalize = (name: string): string => components(name).join('/')
