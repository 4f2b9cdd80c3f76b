// Uploads: POST /v2/<name>/blobs/uploads/ and what follows it (OCI distribution specification, end-4 to end-6, end-11
// and end-13).

import { type Algorithm, type ContentDigest, isContentDigest, parseContentDigest } from '../digest.ts'
import { RegistryError } from '../errors.ts'
import { parseRepositoryName } from '../names.ts'
import type { Repository } from '../repository.ts'
import type { RegistryAnswer, RegistryCall } from './call.ts'

/** Begins an upload, or does without: the blob is mounted from another repository, or it is in this request. */
export async function beginUpload(call: RegistryCall): Promise<RegistryAnswer> {
  const { query, repository, uploads } = call
  const mounted = query.get('mount')
  if (mounted !== null && (await mount(call, parseContentDigest(mounted)))) return created(repository, mounted)
  const digest = query.get('digest')
  const wanted = digest === null ? undefined : parseContentDigest(digest)
  const id = await uploads.begin(repository, algorithmOf(wanted ?? query.get('digest-algorithm')))
  if (wanted === undefined) return progress(202, repository, id, 0)
  try {
    await uploads.finish(repository, id, call.body, 0, wanted)
  } catch (error) {
    // Nobody knows its id.
    await uploads.discard(repository, id)
    throw error
  }
  return created(repository, wanted)
}

function algorithmOf(text: string | null): Algorithm {
  return text?.startsWith('sha512') ? 'sha512' : 'sha256'
}

// False if the other repository does not have it: the client uploads it then.
async function mount(
  { query, repositories, repository, mayRead }: RegistryCall,
  digest: ContentDigest,
): Promise<boolean> {
  const from = query.get('from')
  // What one may not read is as if it weren't there.
  if (from === null || !mayRead(parseRepositoryName(from))) return false
  return await repository.mountBlob(digest, repositories.open(from))
}

/** Goes on with an upload, ends it, asks for it, or gives it up. */
export async function upload(call: RegistryCall): Promise<RegistryAnswer> {
  const { method, repository, reference: id, uploads } = call
  if (method === 'DELETE') {
    await uploads.cancel(repository, id)
    return { status: 204 }
  }
  if (method === 'GET') return progress(204, repository, id, await uploads.size(repository, id))
  const start = startOf(call)
  if (method === 'PATCH') return await chunk(call, start)
  const digest = parseContentDigest(call.query.get('digest') ?? '')
  await uploads.finish(repository, id, call.body, start, digest)
  return created(repository, digest)
}

async function chunk({ repository, reference: id, uploads, body }: RegistryCall, start: number | undefined) {
  try {
    return progress(202, repository, id, await uploads.append(repository, id, body, start))
  } catch (error) {
    if (!(error instanceof RegistryError) || error.status !== 416) throw error
    // The client is told where to go on.
    return progress(416, repository, id, await uploads.size(repository, id))
  }
}

// The specification's Content-Range has no unit: `<start>-<end>`, both inclusive.
function startOf({ headers }: RegistryCall): number | undefined {
  const header = headers['content-range']
  if (header === undefined) return undefined
  const [, start, end] = /^(?:bytes[ =])?(\d+)-(\d+)$/.exec(header) ?? []
  const length = Number(end) - Number(start) + 1
  const announced = Number(headers['content-length'] ?? length)
  if (start === undefined || length < 0 || announced !== length)
    throw new RegistryError('SIZE_INVALID', 'the range is not that of the content', {
      status: 416,
      detail: { range: header },
    })
  return Number(start)
}

function progress(status: number, { name }: Repository, id: string, size: number): RegistryAnswer {
  const headers = {
    location: `/v2/${name}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, size - 1)}`,
    'docker-upload-uuid': id,
  }
  return { status, headers }
}

function created({ name }: Repository, digest: string): RegistryAnswer {
  if (!isContentDigest(digest)) throw new RegistryError('DIGEST_INVALID', 'the digest is not valid')
  return { status: 201, headers: { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest } }
}
