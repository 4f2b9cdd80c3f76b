// Storage in an object store that speaks S3. Several processes may serve from one bucket at once: nothing here depends on locks,
// nor on conditional writes, which not every store has.

import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ByteRange, Received, Storage } from '../storage.ts'
import { type S3Client, S3Error, parseXml } from './client.ts'
import { type Piece, beginning, inPieces, markAfter, pieceName, rowOf } from './pieces.ts'

/** Sizes in bytes; others than the usual ones for tests. */
export interface S3Sizes {
  /** Of a piece of what is being received, up to `manyPieces` of them; eight times that behind. */
  readonly piece: number
  /** What can be copied at once; the least of a part of several, but for the last, is `leastPart`. */
  readonly copy: number
  readonly leastPart: number
}

const usual: S3Sizes = { piece: 8 << 20, copy: 1 << 30, leastPart: 5 << 20 }
const manyPieces = 1000
const atOnce = 4

interface Listed {
  readonly key: string
  readonly size: number
  readonly modified: number
}

/** Objects are moved here before they go for good, so that whoever counts on one at that moment finds it. */
const removedPrefix = 'removed/'

export class S3Storage implements Storage {
  readonly isShared = true
  readonly #client: S3Client
  readonly #sizes: S3Sizes

  constructor(client: S3Client, sizes: S3Sizes = usual) {
    this.#client = client
    this.#sizes = sizes
  }

  /** Throws a sentence that says what is wrong if the bucket can't be used. */
  async prepare(): Promise<void> {
    await this.#client.call('GET', undefined, { query: { 'list-type': '2', 'max-keys': '1' } })
  }

  async size(key: string): Promise<number | undefined> {
    const found = await this.#head(key)
    if (found || !isContent(key)) return found?.size
    return (await this.#restore(key)) ? (await this.#head(key))?.size : undefined
  }

  async modified(key: string): Promise<number | undefined> {
    return (await this.#head(key))?.modified
  }

  async #head(key: string): Promise<Listed | undefined> {
    const { found, headers } = await this.#client.call('HEAD', key)
    if (!found) return undefined
    return { key, size: Number(headers['content-length']), modified: Date.parse(String(headers['last-modified'])) }
  }

  open(key: string, range?: ByteRange): Readable {
    return Readable.from(this.#client.bytes(key, range?.start, range?.end), { objectMode: false })
  }

  async read(key: string): Promise<Buffer | undefined> {
    const { found, body } = await this.#client.call('GET', key)
    if (found) return body
    return isContent(key) && (await this.#restore(key)) ? await this.read(key) : undefined
  }

  async write(key: string, content: Uint8Array): Promise<void> {
    await this.#client.call('PUT', key, { body: content })
  }

  async remove(key: string): Promise<boolean> {
    const found = await this.#head(key)
    if (!found) return false
    if (isContent(key)) await this.#copy([found], removedPrefix + key)
    await this.#client.call('DELETE', key)
    return true
  }

  // Content that was just removed; false if there is none.
  async #restore(key: string): Promise<boolean> {
    const found = await this.#head(removedPrefix + key)
    if (!found) return false
    try {
      await this.#copy([found], key)
      return true
    } catch (error) {
      // It went for good meanwhile.
      if (error instanceof S3Error && (await this.#head(removedPrefix + key)) === undefined) return false
      throw error
    }
  }

  async expireRemoved(before: number, isWanted: (key: string) => boolean): Promise<void> {
    for await (const { key, modified } of this.#all(removedPrefix)) {
      const original = key.slice(removedPrefix.length)
      const wanted = isWanted(original)
      if (!wanted && modified > before) continue
      if (wanted) await this.size(original)
      await this.#client.call('DELETE', key)
    }
    await this.#abortLeft(before)
  }

  async list(prefix: string): Promise<readonly string[]> {
    const names = new Set<string>()
    for await (const page of this.#pages(`${prefix}/`, '/')) {
      for (const name of [...page.folders, ...page.objects.map(({ key }) => key)])
        names.add(name.slice(prefix.length + 1).replace(/\/$/, ''))
    }
    names.delete('')
    return [...names]
  }

  async *#all(prefix: string): AsyncGenerator<Listed, void, void> {
    for await (const { objects } of this.#pages(prefix)) yield* objects
  }

  async *#pages(prefix: string, delimiter?: string) {
    const fixed = {
      'list-type': '2',
      prefix: this.#client.prefix + prefix,
      ...(delimiter !== undefined && { delimiter }),
    }
    const own = (name: string) => name.slice(this.#client.prefix.length)
    for (let token: string | undefined; ; ) {
      const query = { ...fixed, ...(token !== undefined && { 'continuation-token': token }) }
      const { body } = await this.#client.call('GET', undefined, { query })
      const list = (parseXml(body)['ListBucketResult'] ?? {}) as ListBucketResult
      yield {
        folders: (list.CommonPrefixes ?? []).map(({ Prefix: name }) => own(name)),
        objects: (list.Contents ?? []).map(({ Key: key, Size: size, LastModified: modified }) => ({
          key: own(key),
          size: Number(size),
          modified: Date.parse(modified),
        })),
      }
      if (list.IsTruncated !== 'true' || !list.NextContinuationToken) return
      token = list.NextContinuationToken
    }
  }

  async received(key: string): Promise<Received | undefined> {
    const pieces = await this.#pieces(key)
    if (pieces.length === 0) return undefined
    const { size, mark } = rowOf(pieces)
    return { size, mark, modified: Math.max(...pieces.map(({ modified }) => modified)) }
  }

  async #pieces(key: string): Promise<Piece[]> {
    const pieces: Piece[] = []
    for await (const { key: name, size, modified } of this.#all(`${key}/`))
      pieces.push({ name: name.slice(key.length + 1), size, modified })
    return pieces
  }

  async append(key: string, source: AsyncIterable<Uint8Array>, after: Received | undefined): Promise<Received> {
    if (!after) await this.write(`${key}/${beginning}`, Buffer.alloc(0))
    let { size, mark } = after ?? { size: 0, mark: '' }
    for await (const { offset, bytes } of inPieces(source, at => this.#pieceSize(at), size)) {
      const name = pieceName(offset)
      await this.write(`${key}/${name}`, bytes)
      size = offset + bytes.length
      mark = markAfter(mark, name)
    }
    return { size, mark, modified: Date.now() }
  }

  // There may be 10,000 parts.
  #pieceSize(offset: number): number {
    const { piece } = this.#sizes
    return offset < piece * manyPieces ? piece : piece * 8
  }

  async *openReceived(key: string, { mark }: Received): AsyncGenerator<Uint8Array, void, void> {
    for (const { name } of await this.#rowWith(key, mark)) yield* this.#client.bytes(`${key}/${name}`)
  }

  async #rowWith(key: string, mark: string): Promise<Piece[]> {
    const found = rowOf(await this.#pieces(key))
    if (found.mark !== mark) throw new Error('two requests went on with one upload at the same time')
    return found.row
  }

  async promote(key: string, received: Received, to: string): Promise<void> {
    const row = await this.#rowWith(key, received.mark)
    const sources = row.map(({ name, size, modified }) => ({ key: `${key}/${name}`, size, modified }))
    const isSmall = received.size <= this.#sizes.piece
    if (isSmall && sources.length !== 1) await this.write(to, await buffer(this.openReceived(key, received)))
    else await this.#copy(sources, to)
    await this.discard(key)
  }

  async discard(key: string): Promise<boolean> {
    const pieces = await this.#pieces(key)
    // The one that tells that it is there goes last.
    const names = pieces.map(({ name }) => name).toSorted((a, b) => Number(a === beginning) - Number(b === beginning))
    for (const name of names) await this.#client.call('DELETE', `${key}/${name}`)
    return pieces.length > 0
  }

  /** Puts objects together under a key, without their coming here as far as that is possible. It is there as a whole, or not. */
  async #copy(sources: readonly Listed[], to: string): Promise<void> {
    const [only, ...others] = sources
    if (only && others.length === 0 && only.size <= this.#sizes.copy) {
      const { found } = await this.#client.call('PUT', to, {
        headers: { 'x-amz-copy-source': this.#client.sourceOf(only.key) },
      })
      if (!found) throw new S3Error('NoSuchKey', `the object store no longer has ${only.key}`)
      return
    }
    const { body } = await this.#client.call('POST', to, { query: { uploads: '' } })
    const { UploadId: uploadId } = parseXml(body)['InitiateMultipartUploadResult'] as { UploadId: string }
    try {
      const tags = await this.#parts(sources, to, uploadId)
      const parts = tags.map((tag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
      const document = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`
      await this.#client.call('POST', to, { query: { uploadId }, body: Buffer.from(document) })
    } catch (error) {
      // Its end was repeated, since the first answer was lost.
      const isEnded = error instanceof S3Error && error.code === 'NoSuchUpload'
      if (isEnded && (await this.#head(to))?.size === sources.reduce((sum, { size }) => sum + size, 0)) return
      await this.#client.call('DELETE', to, { query: { uploadId } }).catch(() => {})
      throw error
    }
  }

  // The entity tags of the parts, in order.
  async #parts(sources: readonly Listed[], to: string, uploadId: string): Promise<string[]> {
    const isSmall = sources.slice(0, -1).some(({ size }) => size < this.#sizes.leastPart)
    return isSmall ? await this.#sentParts(sources, to, uploadId) : await this.#copiedParts(sources, to, uploadId)
  }

  async #copiedParts(sources: readonly Listed[], to: string, uploadId: string): Promise<string[]> {
    const ranges = sources.flatMap(source => this.#ranges(source))
    const tags: string[] = []
    const copyOne = async (index: number) => {
      const { key, range } = ranges[index] ?? { key: '', range: undefined }
      const headers = {
        'x-amz-copy-source': this.#client.sourceOf(key),
        ...(range && { 'x-amz-copy-source-range': range }),
      }
      const query = { partNumber: String(index + 1), uploadId }
      const { found, body } = await this.#client.call('PUT', to, { query, headers })
      if (!found) throw new S3Error('NoSuchKey', `the object store no longer has ${key}`)
      tags[index] = (parseXml(body)['CopyPartResult'] as { ETag: string }).ETag
    }
    let next = 0
    const worker = async () => {
      while (next < ranges.length) await copyOne(next++)
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    return tags
  }

  #ranges({ key, size }: Listed): { key: string; range: string | undefined }[] {
    const { copy } = this.#sizes
    if (size <= copy) return [{ key, range: undefined }]
    return Array.from({ length: Math.ceil(size / copy) }, (_, index) => ({
      key,
      range: `bytes=${index * copy}-${Math.min(size, (index + 1) * copy) - 1}`,
    }))
  }

  // Of pieces that are too small for parts, in a client's small chunks: they come here and go back as larger ones.
  async #sentParts(sources: readonly Listed[], to: string, uploadId: string): Promise<string[]> {
    const client = this.#client
    async function* all() {
      for (const { key } of sources) yield* client.bytes(key)
    }
    const tags: string[] = []
    const partSize = (offset: number) => Math.max(this.#pieceSize(offset), this.#sizes.leastPart)
    for await (const { bytes } of inPieces(all(), partSize, 0)) {
      const query = { partNumber: String(tags.length + 1), uploadId }
      const { headers } = await client.call('PUT', to, { query, body: bytes })
      tags.push(String(headers['etag']))
    }
    return tags
  }

  // What a process that ended amid a copy has left, where copies go: others may use the bucket, too.
  async #abortLeft(before: number): Promise<void> {
    for (const folder of ['blobs/', `${removedPrefix}blobs/`]) {
      const query = { uploads: '', prefix: this.#client.prefix + folder }
      const { body } = await this.#client.call('GET', undefined, { query })
      const { Upload: left = [] } = (parseXml(body)['ListMultipartUploadsResult'] ?? {}) as ListMultipartUploadsResult
      for (const { Key: key, UploadId: uploadId, Initiated: initiated } of left) {
        if (Date.parse(initiated) > before) continue
        await this.#client.call('DELETE', key.slice(this.#client.prefix.length), { query: { uploadId } })
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }
}

interface ListBucketResult {
  readonly IsTruncated?: string
  readonly NextContinuationToken?: string
  readonly CommonPrefixes?: readonly { readonly Prefix: string }[]
  readonly Contents?: readonly { readonly Key: string; readonly Size: string; readonly LastModified: string }[]
}

interface ListMultipartUploadsResult {
  readonly Upload?: readonly { readonly Key: string; readonly UploadId: string; readonly Initiated: string }[]
}

const isContent = (key: string) => key.startsWith('blobs/')
