// Blobs: GET, HEAD and DELETE /v2/<name>/blobs/<digest> (OCI distribution specification, end-2 and end-10).

import type { Readable } from 'node:stream'
import { type ContentDigest, parseContentDigest } from '../digest.ts'
import { RegistryError } from '../errors.ts'
import { blobKey } from '../layout.ts'
import type { ByteRange } from '../storage.ts'
import type { RegistryAnswer, RegistryCall } from './call.ts'

/** Answers a request for a blob. */
export async function blob(call: RegistryCall): Promise<RegistryAnswer> {
  const digest = parseContentDigest(call.reference)
  if (call.method === 'DELETE') {
    await call.repository.unlinkBlob(digest)
    return { status: 202 }
  }
  return await content(call, digest)
}

async function content(call: RegistryCall, digest: ContentDigest): Promise<RegistryAnswer> {
  const fetched = await fetchedFor(call, digest)
  const size = fetched?.size ?? (await call.repository.blobSize(digest))
  // So clients ask before they push an image with it.
  if (call.method === 'HEAD') await call.repository.renewBlob(digest)
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    'accept-ranges': 'bytes',
    etag: `"${digest}"`,
  }
  if (call.headers['if-none-match']?.includes(`"${digest}"`)) {
    fetched?.body?.destroy()
    return { status: 304, headers }
  }
  if (call.method === 'HEAD') return { status: 200, headers: { ...headers, 'content-length': size } }
  if (fetched?.body) return { status: 200, headers: { ...headers, 'content-length': size }, body: fetched.body }
  const range = rangeOf(call.headers.range, size)
  const length = range ? range.end - range.start + 1 : size
  const partly = range ? { 'content-range': `bytes ${range.start}-${range.end}/${size}` } : {}
  return {
    status: range ? 206 : 200,
    headers: { ...headers, ...partly, 'content-length': length },
    body: call.storage.open(blobKey(digest), range),
  }
}

// What another registry has and this one not yet: on its way from there, unless only its size, or a part, is asked for.
async function fetchedFor(
  { cache, origin, repository, method, headers }: RegistryCall,
  digest: ContentDigest,
): Promise<{ size: number; body?: Readable } | undefined> {
  if (!cache || !origin || (await repository.hasContent(digest))) return undefined
  if (method === 'HEAD') return { size: await cache.blobSize(repository, digest) }
  const { size, body, done } = await cache.blob(repository, origin, digest)
  if (headers.range === undefined) return { size, body }
  body.destroy()
  await done()
  return undefined
}

/**
 * The range that a Range header asks for; undefined for the whole: without one, for several, and for what is no range
 * (RFC 9110, section 14.2). Throws status 416 for one that begins behind the end.
 */
export function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || first + last === '') return undefined
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start >= size)
    throw new RegistryError('SIZE_INVALID', `the blob has ${size} bytes`, {
      status: 416,
      detail: { range: header ?? '' },
    })
  return { start, end }
}
