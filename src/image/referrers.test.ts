// Signatures and other manifests that refer to an image in its registry: they come, are listed and go with it.

import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { answer, openRepository, serve } from '../distribution/testing.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { parseReference } from '../oci/reference.ts'
import { attestations } from './attestations.ts'
import { contentSize } from './disk-usage.ts'
import { Downloads } from './downloads.ts'
import { manifestSummaries } from './manifests.ts'
import { pullImages } from './pull.ts'
import { removeImage } from './remove.ts'
import { imageParts, imageStore } from './testing.ts'

/** The repository `a` of a server, with an image `1`, and whatever refers to that. */
async function signedImage(t: TestContext) {
  const content = new Map<string, Buffer>()
  const add = (mediaType: string, value: string | Buffer, more: object = {}) => {
    const bytes = Buffer.from(value as string)
    content.set(digestOf(bytes), bytes)
    return { mediaType, digest: digestOf(bytes), size: bytes.length, ...more }
  }
  const manifest = (parts: object, more?: object) =>
    add(mediaTypes.ociManifest, JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...parts }), more)
  const parts = imageParts({})
  const image = manifest({
    config: add(mediaTypes.ociConfig, parts.config),
    layers: parts.tars.map(tar => add(mediaTypes.ociLayer, tar)),
  })
  const listed: object[] = []
  const place = {
    image,
    /** How the list of referrers is answered. */
    list: (response: ServerResponse): void =>
      answer(response, 200, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: listed }),
    listed,
    /** Adds a manifest that says that it refers to `subject`, and is listed for the image. */
    refer(artifactType: string, text: string, { layer = {}, subject = image as object, count = 1 } = {}) {
      const config = add('application/vnd.oci.empty.v1+json', '{}')
      const layers = Array.from({ length: count }, (_, index) => add(artifactType, text + '!'.repeat(index), layer))
      const descriptor = manifest({ config, layers, subject, artifactType }, { artifactType })
      listed.push(descriptor)
      return descriptor
    },
  }
  /** The image in an index, with manifests that are said to be about it, under the tag `index`. */
  const indexed = (count: number) => {
    const about = {
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': image.digest,
      },
    }
    const layers = [add('application/vnd.in-toto+json', '{}')]
    const attested = Array.from({ length: count }, (_, index) =>
      manifest({ config: add(mediaTypes.ociConfig, '{}'), layers, annotations: { number: String(index) } }, about),
    )
    const manifests = [{ ...image, platform: { os: 'linux', architecture: 'amd64' } }, ...attested]
    const index = add(
      mediaTypes.ociIndex,
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    )
    content.set('index', content.get(index.digest) as Buffer)
    return attested.map(({ digest }) => digest)
  }
  const server = await serve((_request, response, { pathname }) => {
    const digest = pathname === '/v2/a/manifests/1' ? image.digest : (pathname.split('/').at(-1) ?? '')
    if (pathname === '/v2/') return answer(response, 200, {})
    if (pathname.startsWith('/v2/a/referrers/')) return place.list(response)
    const bytes = content.get(digest)
    if (!bytes) return void response.writeHead(404).end()
    if (pathname.includes('/manifests/')) {
      response.setHeader('content-type', bytes === content.get('index') ? mediaTypes.ociIndex : mediaTypes.ociManifest)
    }
    return void response.end(bytes)
  })
  t.after(() => server[Symbol.asyncDispose]())
  return { ...place, indexed, server, setList: (list: typeof place.list) => void (place.list = list) }
}

type SignedImage = Awaited<ReturnType<typeof signedImage>>

async function engine(t: TestContext, { server }: SignedImage) {
  const place = await imageStore()
  const limits = { concurrent: 3, attempts: 1, referrers: true }
  const downloads = new Downloads(place.store.blobs, () => limits)
  const opened = openRepository(`${server.host}/a`)
  t.after(() => opened[Symbol.asyncDispose]())
  t.after(() => place[Symbol.asyncDispose]())
  const name = `${server.host}/a:1`
  const parts = { images: place.store, downloads, repository: opened.repository }
  return {
    ...place,
    name,
    limits,
    pull: (tagged = name) =>
      pullImages(parts, parseReference(tagged), { report: () => {}, platform: { os: 'linux', architecture: 'amd64' } }),
    /** The manifests of the image that are listed, with their kinds. */
    async listed() {
      const summaries = await manifestSummaries(place.store, place.store.resolve(name))
      return summaries.map(({ ID, Kind, Available }) => [ID, Kind, Available])
    },
  }
}

const statementType = 'https://slsa.dev/provenance/v1'
const asStatement = { layer: { annotations: { 'in-toto.io/predicate-type': statementType } } }

test('what refers to an image comes with it, is listed, counted, and goes with it', async t => {
  const registry = await signedImage(t)
  const signature = registry.refer('application/vnd.example.signature', 'signed')
  const statement = registry.refer('application/vnd.in-toto+json', '{"a":1}', asStatement)
  const { store, pull, listed, name, left } = await engine(t, registry)
  await pull()
  const kinds = new Map(
    (await listed()).map(([digest, kind, available]) => [digest, available === true ? kind : undefined]),
  )
  assert.equal(kinds.get(registry.image.digest), 'image')
  assert.equal(kinds.get(signature.digest), 'unknown')
  assert.equal(kinds.get(statement.digest), 'attestation')
  const about = await attestations(store, name, { platform: undefined, types: [], statement: true })
  assert.deepEqual(
    about.map(({ PredicateType, Statement }) => [PredicateType, Statement]),
    [[statementType, { a: 1 }]],
  )
  const size = contentSize(store, [store.resolve(name).id])
  registry.listed.shift()
  await pull()
  assert.deepEqual(
    (await listed()).map(([digest]) => digest).toSorted(),
    [registry.image.digest, statement.digest].toSorted(),
  )
  assert.equal(contentSize(store, [store.resolve(name).id]), size - signature.size - 'signed'.length)
  assert.equal(store.blobs.has(signature.digest as Digest), false)
  removeImage(store, name)
  assert.deepEqual(await left(), [])
})

test('what only is said to refer to an image, or is too large, stays where it is', async t => {
  const registry = await signedImage(t)
  registry.refer('application/vnd.example.signature', 'for another', {
    subject: { ...registry.image, digest: digestOf('x') },
  })
  const bomb = { mediaType: 'application/x', digest: digestOf('y'), size: 1 << 30 }
  registry.refer('application/vnd.example.signature', 'large', { layer: { size: bomb.size } })
  registry.listed.push({ ...bomb, mediaType: mediaTypes.ociManifest })
  registry.refer('application/vnd.example.signature', 'many', { count: 1100 })
  const good = registry.refer('application/vnd.example.signature', 'good')
  const { pull, listed, store, name, left } = await engine(t, registry)
  await pull()
  assert.deepEqual(
    (await listed()).map(([digest]) => digest).toSorted(),
    [registry.image.digest, good.digest].toSorted(),
  )
  removeImage(store, name)
  assert.deepEqual(await left(), [])
})

test('of what an index says about an image only so much is fetched', async t => {
  const registry = await signedImage(t)
  const attested = new Set<string>(registry.indexed(100))
  const { pull, store, name } = await engine(t, registry)
  await pull(name.replace(/1$/, 'index'))
  assert.equal([...attested].filter(digest => store.blobs.has(digest as Digest)).length, 64)
  const asked = registry.server.asked.filter(({ url }) => attested.has(url.split('/').at(-1) ?? ''))
  assert.equal(asked.length, 64)
})

test('a pull does not wait for long where the list of them does not come, and does not ask if it is not to', async t => {
  const registry = await signedImage(t)
  const signature = registry.refer('application/vnd.example.signature', 'signed')
  const { pull, listed, limits } = await engine(t, registry)
  await pull()
  registry.setList(() => {})
  await pull()
  assert.ok(
    (await listed()).some(([digest]) => digest === signature.digest),
    'as it was known before',
  )
  const asked = () => registry.server.asked.filter(({ url }) => url.includes('/referrers/')).length
  const before = asked()
  limits.referrers = false
  await pull()
  assert.equal(asked(), before)
})
