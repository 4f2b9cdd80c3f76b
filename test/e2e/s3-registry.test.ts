// The registry on an object store: several processes serve from one bucket, and nothing is lost between them.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import { collectGarbage } from '../../src/registry/collector.ts'
import { blobKey } from '../../src/registry/layout.ts'
import { Repositories } from '../../src/registry/repositories.ts'
import { S3Client } from '../../src/registry/s3/client.ts'
import { readS3 } from '../../src/registry/s3/config.ts'
import { S3Storage } from '../../src/registry/s3/storage.ts'
import { Section } from '../../src/registry/section.ts'
import type { Received } from '../../src/registry/storage.ts'
import { Command, output, run } from '../kit/command.ts'
import { busyboxImage } from '../kit/images.ts'
import { type ObjectStore, startObjectStore } from '../kit/swift.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')
const endpointTests = join(import.meta.dirname, '../../src/registry/http/server.test.ts')

const settingsOf = ({ endpoint, bucket, ...keys }: ObjectStore) => ({
  endpoint,
  bucket,
  'access-key': keys['access-key'],
  'secret-key': keys['secret-key'],
})

class Registry extends Command {
  port = ''

  static async start(config: string): Promise<Registry> {
    const registry = new Registry([gantry, 'registry', 'serve', '--config', config, '--listen', '127.0.0.1:0'])
    const ready = /"port":(\d+)\}.*is ready/
    await until(() => !registry.running || ready.test(registry.stderr), { what: () => registry.stderr })
    registry.port = ready.exec(registry.stderr)?.[1] ?? ''
    return registry
  }

  request(method: string, path: string, more: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}/v2/${path}`, { method, ...more })
  }
}

/** A storage in the bucket, below a prefix of its own, with pieces so small that little content has several. */
function storageIn(store: ObjectStore, prefix: string): S3Storage {
  const config = readS3(new Section({ ...settingsOf(store), prefix }, 's3'), {})
  assert.ok(config)
  return new S3Storage(new S3Client(config), { piece: 100_000, copy: 150_000, leastPart: 50_000 })
}

const copy = (...more: string[]) =>
  output(['skopeo', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...more])
const imageAt = ({ port }: Registry) => `docker://127.0.0.1:${port}/busybox:1`

async function* bytesOf(...chunks: (string | Buffer | Error)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk
    yield Buffer.from(chunk)
  }
}

const digestOf = (content: string | Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}` as const
const contentKey = (content: string) => blobKey(digestOf(content))

/**
 * Passes requests on; of one that it is told of it cuts the answer off, after the store has done what was asked. As some stores do
 * and this one does not, it knows no upload that has been completed.
 */
async function lossyProxy(endpoint: string) {
  let wanted: RegExp | undefined
  let after = 0
  const state = { lost: 0 }
  const completed = new Set<string | undefined>()
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === 'POST' && completed.has(incoming.url)) {
      outgoing.writeHead(404).end('<Error><Code>NoSuchUpload</Code></Error>')
      return
    }
    const isLost = wanted?.test(`${incoming.method} ${incoming.url}`) ?? false
    if (isLost) wanted = undefined
    if (isLost && incoming.method === 'POST') completed.add(incoming.url)
    const { hostname, port } = new URL(endpoint)
    const { method, url, headers } = incoming
    const passed = request({ hostname, port, method, path: url, headers }, async answer => {
      const body = await buffer(answer)
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      if (!isLost) return outgoing.end(body)
      state.lost++
      outgoing.write(body.subarray(0, after), () => outgoing.destroy())
      return undefined
    })
    incoming.pipe(passed)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    // Signatures are for the host's name, which the store compares with what the request says.
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get lost() {
      return state.lost
    },
    loseNext(pattern: RegExp, bytes = 0) {
      wanted = pattern
      after = bytes
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

test('an object store', async suite => {
  await using store = await startObjectStore()

  await suite.test('the endpoints of the registry answer as they do from a disk', async context => {
    const env = { GANTRY_TEST_S3: JSON.stringify(settingsOf(store)), NODE_TEST_CONTEXT: undefined }
    const { code, stdout } = await run([process.execPath, '--test', endpointTests], { env, timeout: 300_000 })
    context.diagnostic(/^ℹ pass \d+$/m.exec(stdout)?.[0] ?? stdout)
    assert.equal(code, 0, stdout)
  })

  await suite.test('what is received in pieces becomes one object', async () => {
    await using storage = storageIn(store, 'pieces')
    const content = Buffer.alloc(430_000, 'abcdefghij')
    let received: Received | undefined
    for (let at = 0; at < content.length; at += 70_000)
      received = await storage.append('up', bytesOf(content.subarray(at, at + 70_000)), received)
    assert.deepEqual({ ...(await storage.received('up')), modified: 0 }, { ...received, modified: 0 })
    await storage.promote('up', received as Received, 'a/whole')
    assert.ok(content.equals((await storage.read('a/whole')) ?? Buffer.alloc(0)))
    assert.equal(await storage.received('up'), undefined)
    const [part] = await storage.open('a/whole', { start: 199_999, end: 200_003 }).toArray()
    assert.equal(String(part), 'jabcd')
    // Large pieces are copied within the store.
    const large = await storage.append('large', bytesOf(content), undefined)
    await storage.promote('large', large, 'a/copied')
    assert.ok(content.equals((await storage.read('a/copied')) ?? Buffer.alloc(0)))
    assert.deepEqual((await storage.list('a')).toSorted(), ['copied', 'whole'])
  })

  await suite.test('what came before a failure stays, and two that go on at once do not mix', async () => {
    await using storage = storageIn(store, 'failures')
    await assert.rejects(storage.append('up', bytesOf('01234', new Error('cut off')), undefined), /cut off/)
    const before = await storage.received('up')
    assert.equal(before?.size, 5)
    const states = [
      await storage.append('up', bytesOf('56789'), before),
      await storage.append('up', bytesOf('abcde'), before),
    ]
    const row = await storage.received('up')
    const isWinner = (state: Received) => state.mark === row?.mark
    assert.equal(states.filter(isWinner).length, 1)
    const loser = states.find(state => !isWinner(state)) as Received
    await assert.rejects(storage.promote('up', loser, 'a/b'), /at the same time/)
    assert.equal(await storage.size('a/b'), undefined)
    await storage.promote('up', row as Received, 'a/b')
    assert.match(String(await storage.read('a/b')), /^01234(56789|abcde)$/)
  })

  await suite.test('content that was collected while another process took it is brought back', async () => {
    await using one = storageIn(store, 'collected')
    await using other = storageIn(store, 'collected')
    for (const content of ['wanted', 'unwanted']) await one.write(contentKey(content), Buffer.from(content))
    const repositories = new Repositories(one)
    for (const content of ['wanted', 'unwanted']) await one.remove(contentKey(content))
    assert.equal(await other.modified(contentKey('wanted')), undefined)
    // As a process does that saw it a moment before.
    assert.equal(await other.size(contentKey('wanted')), 6)
    assert.equal(String(await other.read(contentKey('wanted'))), 'wanted')
    const link = `repositories/a/_blobs/sha256/${digestOf('wanted').slice('sha256:'.length)}`
    await other.write(link, Buffer.alloc(0))
    await one.remove(contentKey('wanted'))
    await collectGarbage({ storage: one, repositories }, 3_600_000)
    assert.notEqual(await one.modified(contentKey('wanted')), undefined, 'a link brings it back')
    assert.equal(await one.modified(contentKey('unwanted')), undefined)
    await collectGarbage({ storage: one, repositories }, -60_000)
    assert.equal(await other.size(contentKey('unwanted')), undefined, 'nobody came for it')
  })

  await suite.test('content that looks like an error of the store is content', async () => {
    await using storage = storageIn(store, 'errors')
    const content = Buffer.from('{"annotations":{"a":"<Error><Code>SlowDown</Code></Error>"}}')
    await storage.write('a/manifest', content)
    assert.ok(content.equals((await storage.read('a/manifest')) ?? Buffer.alloc(0)))
  })

  await suite.test('an answer that is lost on its way is asked for again', async () => {
    await using lossy = await lossyProxy(store.endpoint)
    await using storage = storageIn({ ...store, endpoint: lossy.endpoint }, 'lost')
    const content = Buffer.alloc(300_000, 'z')
    const received = await storage.append('up', bytesOf(content), undefined)
    lossy.loseNext(/^POST .*uploadId=/)
    await storage.promote('up', received, 'a/whole')
    assert.equal(lossy.lost, 1)
    assert.equal(await storage.size('a/whole'), 300_000)
    lossy.loseNext(/^GET .*whole/, 100_000)
    const chunks = await storage.open('a/whole').toArray()
    assert.equal(lossy.lost, 2)
    assert.ok(content.equals(Buffer.concat(chunks as Buffer[])))
  })

  await suite.test('two processes', async group => {
    await using directory = temporaryDirectory('registry')
    const config = join(directory.path, 'registry.yaml')
    const hash = (await output(['htpasswd', '-nbB', '-C', '5', 'ann', 'secret'])).split(':')[1]?.trim()
    writeFileSync(config, JSON.stringify({ s3: { ...settingsOf(store), prefix: 'two' }, users: { ann: hash } }))
    const started = await Promise.all([Registry.start(config), Registry.start(config)])
    await using first = started[0]
    await using second = started[1]
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`

    await group.test('an upload that was begun at one is gone on with and ended at the other', async () => {
      const content = Buffer.alloc(9_000_000, 'layer ')
      const begun = await first.request('POST', 'a/blobs/uploads/', { headers: { authorization } })
      const place = (begun.headers.get('location') ?? '').replace('/v2/', '')
      for (const [registry, start, end] of [
        [first, 0, 100],
        [second, 100, 8_500_000],
      ] as const) {
        const headers = { authorization, 'content-range': `${start}-${end - 1}` }
        const body = content.subarray(start, end)
        assert.equal((await registry.request('PATCH', place, { headers, body })).status, 202)
      }
      const body = content.subarray(8_500_000)
      const end = await first.request('PUT', `${place}?digest=${digestOf(content)}`, {
        headers: { authorization },
        body,
      })
      assert.equal(end.status, 201, await end.text())
      const got = await second.request('GET', `a/blobs/${digestOf(content)}`, { headers: { authorization } })
      assert.ok(content.equals(Buffer.from(await got.arrayBuffer())))
    })

    await group.test('a token of one is good at the other', async () => {
      const asked = await fetch(
        `http://127.0.0.1:${first.port}/token?service=gantry-registry&scope=repository:a:pull`,
        {
          headers: { authorization },
        },
      )
      const { token } = (await asked.json()) as { token: string }
      const answer = await second.request('GET', 'a/tags/list', { headers: { authorization: `Bearer ${token}` } })
      assert.equal(answer.status, 200, await answer.text())
    })

    await group.test('an image that was pushed to one is pulled from the other, bit for bit', async () => {
      const { archive } = await busyboxImage()
      const creds = 'ann:secret'
      await copy('--dest-creds', creds, `docker-archive:${archive}`, imageAt(first))
      await copy('--src-creds', creds, imageAt(second), `dir:${directory.path}/out`)
      const manifest = await first.request('GET', 'busybox/manifests/1', { headers: { authorization } })
      const pulled = readFileSync(`${directory.path}/out/manifest.json`)
      assert.equal(digestOf(pulled), manifest.headers.get('docker-content-digest'))
    })
  })

  await suite.test('a store that can’t be used is told at the start', async () => {
    await using directory = temporaryDirectory('registry')
    const config = join(directory.path, 'registry.yaml')
    for (const [settings, expected] of [
      [{ ...settingsOf(store), bucket: 'nothing' }, /NoSuchBucket/],
      [{ ...settingsOf(store), 'secret-key': 'wrong' }, /SignatureDoesNotMatch/],
    ] as const) {
      writeFileSync(config, JSON.stringify({ s3: settings }))
      const { code, stderr } = await run([gantry, 'registry', 'serve', '--config', config, '--listen', '127.0.0.1:0'])
      assert.notEqual(code, 0)
      assert.match(stderr, expected)
    }
  })
})
