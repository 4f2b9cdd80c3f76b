// What the registry's tests share: a registry on loopback in a directory of its own, and what is pushed to it.

import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Gate } from './auth/gate.ts'
import { silentLog } from '../lib/log.ts'
import { type ContentDigest, contentDigestOf } from './digest.ts'
import { PullThrough } from './cache/pull-through.ts'
import type { CacheRule } from './cache/remotes.ts'
import { DiskStorage } from './disk-storage.ts'
import { type ServerOptions, createRegistryServer } from './http/server.ts'
import type { QuotaRule } from './quotas.ts'
import { Repositories } from './repositories.ts'
import { S3Client } from './s3/client.ts'
import { readS3 } from './s3/config.ts'
import { S3Storage } from './s3/storage.ts'
import { Section } from './section.ts'
import type { Storage } from './storage.ts'
import { Uploads } from './uploads.ts'

/** A registry that listens on loopback; its directory goes with it. */
export interface TestRegistry extends AsyncDisposable {
  readonly root: string
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** A request to `path`, below /v2/. */
  request(method: string, path: string, options?: RequestInit): Promise<Response>
}

export interface TestOptions extends ServerOptions {
  /** A directory that is there already, and stays. */
  readonly root?: string
  readonly gate?: Gate
  readonly quotas?: readonly QuotaRule[]
  readonly cache?: readonly CacheRule[]
}

/** Starts a registry. */
export async function startRegistry({
  root,
  gate,
  quotas,
  cache: rules = [],
  ...options
}: TestOptions = {}): Promise<TestRegistry> {
  const directory = root ?? mkdtempSync(join(tmpdir(), 'registry-'))
  const storage = await openStorage(directory)
  const repositories = new Repositories(storage, quotas)
  const uploads = new Uploads(storage)
  const cache = rules.length === 0 ? undefined : new PullThrough(rules, { storage, uploads, log: silentLog }, {})
  const server = createRegistryServer({ storage, repositories, uploads, gate, cache }, silentLog, options)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    root: directory,
    url,
    request: (method, path, more) => fetch(`${url}/v2/${path}`, { method, redirect: 'manual', ...more }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await cache?.[Symbol.asyncDispose]()
      await storage[Symbol.asyncDispose]()
      if (root === undefined) rmSync(directory, { recursive: true })
    },
  }
}

// With GANTRY_TEST_S3, the settings of an object store as JSON, the content is there, below the directory's name.
async function openStorage(directory: string): Promise<Storage> {
  const settings = process.env['GANTRY_TEST_S3']
  const storage = settings === undefined ? new DiskStorage(directory) : s3Storage(settings, basename(directory))
  await storage.prepare()
  return storage
}

function s3Storage(settings: string, prefix: string): S3Storage {
  const config = readS3(new Section({ ...(JSON.parse(settings) as object), prefix }, 's3'), {})
  if (!config) throw new Error('GANTRY_TEST_S3 has no settings')
  // Small, so that small blobs are of several pieces, and copied in parts.
  return new S3Storage(new S3Client(config), { piece: 100_000, copy: 150_000, leastPart: 50_000 })
}

/** Pushes a blob in one request. */
export async function pushBlob(registry: TestRegistry, name: string, content: string): Promise<ContentDigest> {
  const digest = contentDigestOf(Buffer.from(content), 'sha256')
  const response = await registry.request('POST', `${name}/blobs/uploads/?digest=${digest}`, { body: content })
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`)
  return digest
}

const imageType = 'application/vnd.oci.image.manifest.v1+json'

/** Pushes an image of one layer, or with `more` fields in its manifest, under `reference`; returns what was sent. */
export async function pushImage(registry: TestRegistry, name: string, reference: string, more: object = {}) {
  const config = await pushBlob(registry, name, '{}')
  const layer = await pushBlob(registry, name, 'layer')
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: imageType,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer, size: 5 }],
    ...more,
  })
  const headers = { 'content-type': imageType }
  const response = await registry.request('PUT', `${name}/manifests/${reference}`, { body, headers })
  return { response, body, digest: contentDigestOf(Buffer.from(body), 'sha256') }
}
