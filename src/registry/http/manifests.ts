// Manifests: /v2/<name>/manifests/<reference> (OCI distribution specification, end-3, end-7 and end-9).

import { maximumManifestSize } from '../../oci/manifest.ts'
import { tooLarge } from '../manifest.ts'
import type { RegistryAnswer, RegistryCall } from './call.ts'

/** Answers a request for a manifest. */
export async function manifest(call: RegistryCall): Promise<RegistryAnswer> {
  if (call.method === 'PUT') return await putManifest(call)
  if (call.method === 'DELETE') {
    await call.repository.removeManifest(call.reference)
    return { status: 202 }
  }
  if (call.origin) await call.cache?.refresh(call.repository, call.origin, call.reference)
  const { digest, mediaType, bytes } = await call.repository.manifest(call.reference)
  const headers = { 'content-type': mediaType, 'docker-content-digest': digest, etag: `"${digest}"` }
  if (call.headers['if-none-match']?.includes(`"${digest}"`)) return { status: 304, headers }
  return { status: 200, headers, body: bytes }
}

async function putManifest({ repository, reference, headers, body }: RegistryCall): Promise<RegistryAnswer> {
  const bytes = await limited(body)
  const { digest, subject } = await repository.putManifest(reference, bytes, headers['content-type'] ?? '')
  const about = subject === undefined ? {} : { 'oci-subject': subject }
  const location = `/v2/${repository.name}/manifests/${digest}`
  return { status: 201, headers: { location, 'docker-content-digest': digest, ...about } }
}

async function limited(body: RegistryCall['body']): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maximumManifestSize) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
