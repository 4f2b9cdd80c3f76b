// A program that is a registry with TLS and a password, and lies: how, is the first part of the repository's name. A second
// server is where it sends those who follow its redirects. Each request is told on standard output.
// Arguments: files with the certificate and its key.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { imageParts } from '../../src/image/testing.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { mediaTypes } from '../../src/oci/manifest.ts'

/** What a line on standard output says. */
export interface ToldRequest {
  readonly place: 'registry' | 'elsewhere'
  readonly method: string
  readonly url: string
  /** The value of the header; null without. */
  readonly authorization: string | null
  /** Bytes that went out for it; null when it has only begun. */
  readonly sent: number | null
}

/** Whom the registry lets in, and bytes of the only file of each image. */
export const user = 'user'
export const password = 'secret'
const fileSize = 600_000

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** What an honest registry would send. */
  readonly bytes: Buffer
  readonly path: string
}

type Behaviour = (exchange: Exchange) => void

/** A lie is told where its name says, and everything else is honest. */
interface Lie {
  readonly manifest?: Behaviour
  readonly config?: Behaviour
  readonly layer?: Behaviour
  readonly tags?: Behaviour
  readonly upload?: Behaviour
  /** Changes the manifest that the honest parts belong to. */
  readonly edit?: (manifest: Manifest) => object
}

interface Manifest {
  schemaVersion: number
  mediaType: string
  config: { mediaType: string; digest: string; size: number }
  layers: { mediaType: string; digest: string; size: number }[]
}

class Repository {
  readonly content = new Map<string, Buffer>()
  readonly layer: string
  readonly config: string

  constructor({ edit = value => value }: Lie) {
    const parts = imageParts({ layers: [[{ name: 'file', type: 'file', content: randomBytes(fileSize) }]] })
    const [tar = Buffer.alloc(0)] = parts.tars
    this.layer = digestOf(tar)
    this.config = parts.id
    const manifest = edit({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, digest: parts.id, size: parts.config.length },
      layers: [{ mediaType: mediaTypes.ociLayer, digest: this.layer, size: tar.length }],
    })
    this.content.set(`blobs/${this.layer}`, tar)
    this.content.set(`blobs/${parts.id}`, Buffer.from(parts.config))
    this.content.set('manifests/1', Buffer.from(JSON.stringify(manifest)))
  }
}

const honest: Behaviour = ({ request, response, bytes }) => {
  const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  if (start > 0) response.writeHead(206, { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` })
  else response.writeHead(200, { 'content-length': bytes.length })
  response.end(bytes.subarray(start))
}

const altered: Behaviour = exchange => {
  const wrong = Buffer.from(exchange.bytes)
  wrong[wrong.length >> 1] = (wrong[wrong.length >> 1] ?? 0) ^ 1
  honest({ ...exchange, bytes: wrong })
}

const announced =
  (difference: number): Behaviour =>
  ({ response, bytes }) =>
    void response
      .writeHead(200, { 'content-length': bytes.length + difference })
      .end(Buffer.alloc(bytes.length + difference))

/** Sends most of what is left, and cuts the connection. */
const truncated: Behaviour = ({ response, bytes }) =>
  void response
    .writeHead(200, { 'content-length': bytes.length })
    .write(bytes.subarray(0, Math.trunc(bytes.length * 0.8)), () => response.destroy())

const endless =
  (status: number): Behaviour =>
  ({ response, bytes }) => {
    const more = () => {
      while (!response.destroyed && response.write(bytes));
    }
    response.on('drain', more).writeHead(status)
    more()
  }

const slow: Behaviour = ({ response, bytes }) => {
  response.writeHead(200, { 'content-length': bytes.length })
  let at = 0
  const timer = setInterval(() => response.write(bytes.subarray(at, ++at)), 1000)
  response.on('close', () => clearInterval(timer))
}

const refusing =
  (status: number, message = ''): Behaviour =>
  ({ response }) =>
    void response
      .writeHead(status, { 'retry-after': '0', 'content-type': 'application/json' })
      .end(message === '' ? '' : JSON.stringify({ errors: [{ code: 'UNKNOWN', message }] }))

const leading =
  (place: (path: string) => string): Behaviour =>
  ({ response, path }) =>
    void response.writeHead(307, { location: place(path) }).end()

/** Behaves each time as the next of `behaviours`, the last one from then on. */
const inTurn = (...behaviours: Behaviour[]): Behaviour => {
  let count = 0
  return exchange => behaviours[Math.min(count++, behaviours.length - 1)]?.(exchange)
}

const withBody =
  (body: Buffer, headers = {}): Behaviour =>
  ({ response }) =>
    void response.writeHead(200, { 'content-type': mediaTypes.ociManifest, ...headers }).end(body)

const stranger = digestOf('something else')
const elsewhere = (path: string) => `https://${places.elsewhere}${path}`

const lies: Readonly<Record<string, Lie>> = {
  honest: {},
  'ambiguous-manifest': { edit: manifest => ({ ...manifest, manifests: [] }) },
  'manifest-of-an-index': { edit: manifest => ({ ...manifest, mediaType: mediaTypes.ociIndex }) },
  'manifest-of-a-model': {
    edit: manifest => ({ ...manifest, config: { ...manifest.config, mediaType: 'text/plain' } }),
  },
  'huge-layer': {
    edit: manifest => ({ ...manifest, layers: manifest.layers.map(layer => ({ ...layer, size: 2 ** 50 })) }),
  },
  'no-digest': {
    edit: manifest => ({ ...manifest, layers: [{ ...manifest.layers[0], digest: 'sha256:../../../x' }] }),
  },
  'no-layers': { edit: manifest => ({ ...manifest, layers: [] }) },
  'large-manifest': { manifest: withBody(Buffer.alloc(5 << 20, ' ')) },
  'endless-manifest': { manifest: endless(200) },
  'slow-manifest': { manifest: slow },
  'garbage-manifest': { manifest: withBody(Buffer.from('<html>')) },
  'other-manifest': { manifest: withBody(Buffer.from('{}'), { 'docker-content-digest': stranger }) },
  'silent-manifest': { manifest: () => {} },
  'looping-manifest': { manifest: leading(path => path) },
  'manifest-in-a-file': { manifest: leading(() => 'file:///etc/passwd') },
  'busy-manifest': { manifest: refusing(429) },
  'broken-manifest': { manifest: refusing(500) },
  'cut-manifest': { manifest: ({ request }) => void request.socket.destroy() },
  'rude-manifest': { manifest: refusing(404, `\u001B[2J${'x'.repeat(1 << 20)}`) },
  'endless-refusal': { manifest: endless(404) },
  'endless-tags': {
    tags: ({ response, path }) =>
      void response.writeHead(200, { link: `<${path}>; rel="next"` }).end(JSON.stringify({ tags: null })),
  },
  'altered-config': { config: altered },
  'altered-layer': { layer: altered },
  'long-layer': { layer: announced(1) },
  'short-layer': { layer: announced(-1) },
  'endless-layer': { layer: endless(200) },
  'slow-layer': { layer: slow },
  'truncated-layer': { layer: truncated },
  'truncated-layer-2': { layer: truncated },
  'truncated-layer-3': { layer: truncated },
  'moved-layer': { layer: leading(elsewhere) },
  'recovering-layer': { layer: inTurn(refusing(503), refusing(429), truncated, honest) },
  'recovering-manifest': { manifest: inTurn(refusing(503), ({ request }) => void request.socket.destroy(), honest) },
}

const repositories = new Map<string, Repository>()
const places = { registry: '', elsewhere: '' }

function repositoryOf(name: string): Repository {
  const known = repositories.get(name) ?? new Repository(lies[name] ?? {})
  repositories.set(name, known)
  return known
}

function serveRegistry(request: IncomingMessage, response: ServerResponse): void {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  if (request.headers.authorization !== expected) {
    response.writeHead(401, { 'www-authenticate': 'Basic realm="lies"' }).end()
    return
  }
  serveContent(request, response, true)
}

function serveContent(request: IncomingMessage, response: ServerResponse, lying: boolean): void {
  const path = request.url ?? ''
  const [, name = '', rest = ''] = /^\/v2\/([^/]+)\/([^?]*)/.exec(path) ?? []
  if (name === '') return void response.writeHead(200).end('{}')
  const lie = lying ? (lies[name] ?? {}) : {}
  const repository = repositoryOf(name)
  const bytes = repository.content.get(rest)
  const exchange = { request, response, bytes: bytes ?? Buffer.alloc(0), path }
  if (rest === 'tags/list') return (lie.tags ?? honest)(exchange)
  if (rest.startsWith('blobs/uploads/')) return upload(exchange, name, repository)
  if (request.method === 'PUT') return void keep(exchange, rest, repository)
  if (!bytes) return void response.writeHead(404).end()
  if (request.method === 'HEAD') return void response.writeHead(200, { 'content-length': bytes.length }).end()
  if (rest.startsWith('manifests/')) {
    response.setHeader('content-type', mediaTypes.ociManifest)
    return (lie.manifest ?? honest)(exchange)
  }
  const behaviour = rest.endsWith(repository.layer)
    ? lie.layer
    : rest.endsWith(repository.config)
      ? lie.config
      : undefined
  ;(behaviour ?? honest)(exchange)
}

async function keep({ request, response }: Exchange, rest: string, { content }: Repository): Promise<void> {
  const body = await buffer(request)
  content.set(rest, body)
  content.set(`manifests/${digestOf(body)}`, body)
  response.writeHead(201, { 'docker-content-digest': digestOf(body) }).end()
}

/** What is said of where a blob goes. */
const lyingPlaces: Readonly<Record<string, Behaviour>> = {
  'upload-to-nowhere': ({ response }) => void response.writeHead(202).end(),
  'upload-to-a-file': ({ response }) => void response.writeHead(202, { location: 'file:///etc/passwd' }).end(),
  'endless-upload': endless(202),
  'unwanted-upload': refusing(403),
}

/** Uploads by their place; what a registry does with them is how its name says. */
const uploads = new Map<string, { received: Buffer[]; size: number; cuts: number }>()
const cutAfter = 100_000

function upload({ request, response, path }: Exchange, name: string, { content }: Repository): void {
  const url = new URL(path, `https://${places.registry}`)
  const status = (code: number, place: string, size: number) =>
    void response.writeHead(code, { location: place, range: `0-${Math.max(0, size - 1)}` }).end()
  if (request.method === 'POST') {
    const lie = lyingPlaces[name]
    if (lie) return lie({ request, response, bytes: Buffer.from(path), path })
    const place = `/v2/${name}/blobs/uploads/${randomBytes(8).toString('hex')}`
    uploads.set(place, { received: [], size: 0, cuts: name === 'cut-upload' ? 2 : name === 'refused-upload' ? 99 : 0 })
    return status(202, name === 'moved-upload' ? elsewhere(place) : place, 0)
  }
  const found = uploads.get(url.pathname)
  if (request.method === 'DELETE') return void response.writeHead(uploads.delete(url.pathname) ? 204 : 404).end()
  if (!found) return void response.writeHead(404).end()
  if (request.method === 'GET') return status(204, url.pathname, found.size)
  if (request.method === 'PATCH') {
    // Nothing is read, and nothing said.
    if (name === 'stuck-upload') return
    let got = 0
    request.on('data', (chunk: Buffer) => {
      if (request.destroyed) return
      if (found.cuts > 0 && got + chunk.length > cutAfter) {
        found.cuts--
        request.destroy()
        return
      }
      got += chunk.length
      found.size += chunk.length
      found.received.push(chunk)
    })
    request.on('error', () => {})
    request.on('end', () => status(202, url.pathname, found.size))
    return
  }
  const digest = url.searchParams.get('digest') ?? ''
  const bytes = Buffer.concat(found.received)
  const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  if (actual !== digest) return refusing(400, `digest is ${actual}`)({ request, response, bytes, path })
  content.set(`blobs/${digest}`, bytes)
  response.writeHead(201, { 'docker-content-digest': digest }).end()
}

function listen(place: keyof typeof places, serve: (request: IncomingMessage, response: ServerResponse) => void) {
  const [, , certificate = '', key = ''] = process.argv
  const options = { cert: readFileSync(certificate), key: readFileSync(key) }
  const server = createServer(options, (request, response) => {
    const { method = '', url = '', headers, socket } = request
    const before = socket.bytesWritten
    response.on('error', () => {})
    const tell = (sent: number | null) => {
      const told: ToldRequest = { place, method, url, authorization: headers.authorization ?? null, sent }
      console.log(JSON.stringify(told))
    }
    tell(null)
    response.on('close', () => tell(socket.bytesWritten - before))
    serve(request, response)
  })
  server.on('tlsClientError', () => {})
  return new Promise<void>(resolve =>
    server.listen(0, '127.0.0.1', () => {
      places[place] = `127.0.0.1:${(server.address() as AddressInfo).port}`
      resolve()
    }),
  )
}

if (import.meta.main) {
  await listen('registry', serveRegistry)
  await listen('elsewhere', (request, response) => serveContent(request, response, false))
  console.log(JSON.stringify(places))
}
