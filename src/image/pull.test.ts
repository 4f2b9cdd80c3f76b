// Pulling from registries that are cut off, lie, or are asked for the same by several at once.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { ProgressMessage } from '../api/types/image.ts'
import { type TestServer, openRepository, serve } from '../distribution/testing.ts'
import type { Repository } from '../distribution/remote.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/manifest.ts'
import { parseReference } from '../oci/reference.ts'
import { Downloads } from './downloads.ts'
import { pullImages } from './pull.ts'
import { imageParts, imageStore } from './testing.ts'

type Answer = (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => void

const whole: Answer = (_request, response, bytes) => void response.end(bytes)

/** Answers with the part that was asked for. */
const ranged: Answer = (request, response, bytes) => {
  const start = startOf(request)
  if (start > 0) response.writeHead(206, { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` })
  response.end(bytes.subarray(start))
}

const startOf = ({ headers: { range = '' } }: IncomingMessage) => Number(/^bytes=(\d+)-/.exec(range)?.[1] ?? 0)

/** Sends so many bytes of the whole and cuts the connection. */
const cutAfter =
  (count: number, content?: Buffer): Answer =>
  (request, response, bytes) => {
    const start = startOf(request)
    const status = start > 0 ? 206 : 200
    const range = start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}
    response.writeHead(status, { ...range, 'content-length': String(bytes.length - start) })
    response.write((content ?? bytes).subarray(start, count), () => response.destroy())
  }

/** An image with layers of 300,000 bytes or so, which can't be compressed, in the repository `a` of a server. */
class TestRegistry implements AsyncDisposable {
  readonly #content = new Map<string, Buffer>()
  readonly layers: Digest[]
  readonly id: Digest
  /** Sizes of the layers, as the manifest says them. */
  set claimed(size: number) {
    const manifest = JSON.parse(String(this.#content.get('manifests/1'))) as { layers: { size: number }[] }
    for (const layer of manifest.layers) layer.size = size
    this.#content.set('manifests/1', Buffer.from(JSON.stringify(manifest)))
  }

  /** How blobs of layers are answered. */
  answer: Answer = ranged
  server!: TestServer

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const registry = new TestRegistry(options)
    registry.server = await serve((request, response, url) => registry.#serve(request, response, url))
    return registry
  }

  private constructor({
    contents = [randomBytes(300_000)],
    layerType = mediaTypes.ociLayer,
    compress = tar => tar,
  }: TestRegistryOptions) {
    const parts = imageParts({ layers: contents.map(content => [{ name: 'file', type: 'file', content }]) })
    this.id = parts.id
    const blobs = parts.tars.map(compress)
    this.layers = blobs.map(digestOf)
    for (const bytes of [...blobs, Buffer.from(parts.config)]) this.#content.set(`blobs/${digestOf(bytes)}`, bytes)
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: parts.id, size: parts.config.length },
      layers: blobs.map(blob => ({ mediaType: layerType, digest: digestOf(blob), size: blob.length })),
    }
    this.#content.set('manifests/1', Buffer.from(JSON.stringify(manifest)))
  }

  #serve(request: IncomingMessage, response: ServerResponse, { pathname }: URL): void {
    if (pathname === '/v2/') return void response.end('{}')
    const path = pathname.replace('/v2/a/', '')
    const bytes = this.#content.get(path)
    if (!bytes) return void response.writeHead(404).end()
    if (path.startsWith('manifests/')) response.setHeader('content-type', mediaTypes.ociManifest)
    const isLayer = this.layers.some(digest => path.endsWith(digest))
    return (isLayer ? this.answer : whole)(request, response, bytes)
  }

  /** The range of each request for a layer. */
  get asked(): (string | undefined)[] {
    const layers = this.server.asked.filter(({ url }) => this.layers.some(digest => url.endsWith(digest)))
    return layers.map(({ headers }) => headers.range)
  }

  /** Where the last request for a layer began. */
  get goneOnAt(): number {
    return Number(/\d+/.exec(this.asked.at(-1) ?? '')?.[0] ?? 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

interface TestRegistryOptions {
  readonly contents?: readonly Buffer[]
  readonly layerType?: string
  readonly compress?: (tar: Buffer) => Buffer
}

type TestStore = Awaited<ReturnType<typeof imageStore>>

/** A store, and pulls into it. */
async function engine(t: TestContext, limits = { concurrent: 3, attempts: 5 }, diskSize?: string) {
  const stack = new AsyncDisposableStack()
  t.after(() => stack.disposeAsync())
  const place: TestStore = stack.use(await imageStore(diskSize))
  let repository: Repository | undefined
  const downloads = new Downloads(place.store.blobs, () => limits)
  return {
    ...place,
    limits,
    /** Pulls `a:1`; resolves to the lines. */
    async pull({ server }: TestRegistry, signal?: AbortSignal, report: (line: ProgressMessage) => void = () => {}) {
      const lines: ProgressMessage[] = []
      repository ??= stack.use(openRepository(`${server.host}/a`)).repository
      const say = (line: ProgressMessage) => {
        lines.push(line)
        report(line)
      }
      const parts = { images: place.store, downloads, repository }
      await pullImages(parts, parseReference(`${server.host}/a:1`), { report: say, signal })
      return lines.map(({ status }) => status)
    },
  }
}

test('a layer that is cut off goes on where it was, and nothing of it stays apart', async t => {
  await using registry = await TestRegistry.start()
  const { pull, store, left, events } = await engine(t)
  let cuts = 0
  registry.answer = (...args) => (cuts++ === 0 ? cutAfter(100_000)(...args) : ranged(...args))
  const lines = await pull(registry)
  assert.ok(lines.includes('Retrying in 1 second'))
  assert.ok(lines.includes('Pull complete'))
  assert.ok(!lines.includes('Waiting'))
  assert.equal(registry.asked.length, 2)
  assert.ok(registry.goneOnAt > 0 && registry.goneOnAt <= 100_000)
  assert.equal(store.get(registry.id)?.references[0], `${registry.server.host}/a:1`)
  // Manifest, config, the layer's archive and the layer.
  assert.equal((await left()).length, 4)
  assert.deepEqual(events, [`pull ${registry.server.host}/a`])
})

test('a pull that failed is gone on with by the next one', async t => {
  await using registry = await TestRegistry.start()
  const { pull, limits, left } = await engine(t)
  limits.attempts = 1
  registry.answer = cutAfter(200_000)
  await assert.rejects(pull(registry), /stopped after \d+ of 301568 bytes of blob/)
  assert.equal((await left()).length, 1)
  registry.answer = ranged
  await pull(registry)
  assert.ok(registry.goneOnAt > 0 && registry.goneOnAt <= 200_000)
})

test('what a liar left is forgotten by the pull that needs the layer', async t => {
  const contents = [randomBytes(300_000)]
  await using registry = await TestRegistry.start({ contents })
  // Wrong from the start, so that it can't be unpacked; and wrong where only the digest shows it.
  const tar = imageParts({ layers: [[{ name: 'file', type: 'file', content: contents[0] ?? '' }]] }).tars[0]
  const subtly = Buffer.from(tar ?? [])
  subtly[100_000] = (subtly[100_000] ?? 0) ^ 1
  for (const lie of [Buffer.alloc(300_000, 'x'), subtly]) {
    const { pull, limits, left } = await engine(t)
    limits.attempts = 1
    registry.answer = cutAfter(200_000, lie)
    await assert.rejects(pull(registry))
    registry.answer = ranged
    await pull(registry)
    assert.equal((await left()).length, 4)
  }
})

test('a layer with the wrong digest leaves nothing', async t => {
  await using registry = await TestRegistry.start()
  const { pull, left, store } = await engine(t)
  registry.answer = (_request, response, bytes) => {
    const wrong = Buffer.from(bytes)
    wrong[200_000] = (wrong[200_000] ?? 0) ^ 1
    response.end(wrong)
  }
  await assert.rejects(pull(registry), {
    message: `filesystem layer verification failed for digest ${registry.layers[0]}`,
  })
  assert.deepEqual(await left(), [])
  assert.deepEqual(store.rows.all(), [])
  assert.equal(registry.asked.length, 1)
})

test('several pulls at once fetch a layer once, and one that is called off takes it from nobody', async t => {
  await using registry = await TestRegistry.start()
  const { pull, left } = await engine(t)
  const gate = Promise.withResolvers<void>()
  registry.answer = (_request, response, bytes) => {
    response.writeHead(200, { 'content-length': String(bytes.length) })
    response.write(bytes.subarray(0, 1000))
    void gate.promise.then(() => response.end(bytes.subarray(1000)))
  }
  const abort = new AbortController()
  const begun = Promise.withResolvers<void>()
  const joined = Promise.withResolvers<void>()
  const first = pull(registry, abort.signal, ({ status }) => status === 'Downloading' && begun.resolve())
  await begun.promise
  const second = pull(registry, undefined, ({ status }) => status === 'Pulling fs layer' && joined.resolve())
  await joined.promise
  abort.abort(new Error('called off'))
  await assert.rejects(first, /called off/)
  gate.resolve()
  await second
  assert.equal(registry.asked.length, 1)
  assert.equal((await left()).length, 4)
})

test('when nobody wants a layer any more its fetching ends, and what came stays to be gone on with', async t => {
  await using registry = await TestRegistry.start()
  const { pull, left } = await engine(t)
  const closed = Promise.withResolvers<void>()
  registry.answer = (_request, response, bytes) => {
    response.on('close', () => closed.resolve())
    response.writeHead(200, { 'content-length': String(bytes.length) })
    response.write(bytes.subarray(0, 1000))
  }
  const abort = new AbortController()
  const cancel = ({ status }: ProgressMessage) => status === 'Downloading' && abort.abort(new Error('called off'))
  await assert.rejects(pull(registry, abort.signal, cancel), /called off/)
  await closed.promise
  assert.equal((await left()).length, 1)
  registry.answer = ranged
  await pull(registry)
  assert.equal(registry.goneOnAt, 1000)
})

test('layers that wait for others say so', async t => {
  await using registry = await TestRegistry.start({ contents: [randomBytes(1000), randomBytes(2000)] })
  const { pull, limits } = await engine(t)
  limits.concurrent = 1
  const lines = await pull(registry)
  assert.equal(lines.filter(line => line === 'Waiting').length, 1)
  assert.equal(lines.filter(line => line === 'Pull complete').length, 2)
})

const through = (program: string) => (tar: Buffer) => execFileSync(program, { input: tar })

for (const program of ['xz', 'bzip2']) {
  test(`a layer may be compressed by ${program}, whatever it calls itself`, async t => {
    for (const layerType of [`${mediaTypes.ociLayer}+${program}`, `${mediaTypes.ociLayer}+gzip`]) {
      await using registry = await TestRegistry.start({
        layerType,
        compress: through(program),
        contents: [randomBytes(1000)],
      })
      const { pull, store } = await engine(t)
      assert.ok((await pull(registry)).includes('Pull complete'))
      assert.ok(store.get(registry.id))
    }
  })
}

test('layers that are no archives are refused before anything of them is fetched', async t => {
  await using registry = await TestRegistry.start({ layerType: 'application/vnd.example.model' })
  const { pull, left } = await engine(t)
  await assert.rejects(pull(registry), /unsupported media type "application\/vnd\.example\.model" of layer sha256:/)
  assert.deepEqual(registry.asked, [])
  assert.deepEqual(await left(), [])
})

test('layers for which there is no room, or that are larger than any, are not begun', async t => {
  await using registry = await TestRegistry.start()
  const { pull, left } = await engine(t, undefined, '4m')
  registry.claimed = 5_000_000
  await assert.rejects(pull(registry), {
    message: /^no space left on device: the layers have 5000000 bytes, and \d{7} are free$/,
  })
  registry.claimed = 2 ** 50
  await assert.rejects(pull(registry), {
    message: `layer ${registry.layers[0]} has ${2 ** 50} bytes: if it is to be trusted, raise image-layer-max-size in daemon.json`,
  })
  assert.deepEqual(registry.asked, [])
  assert.deepEqual(await left(), [])
})
