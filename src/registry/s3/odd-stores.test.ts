// Object stores that do less, or otherwise, than they should, and buckets that are not the registry's alone.

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { http } from '../../lib/http.ts'
import { S3Client } from './client.ts'
import { S3Storage } from './storage.ts'

/** Storage in a store that answers by `answer`, and the requests that it got. */
async function storeOf(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const requests: string[] = []
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    request.resume().once('end', () => answer(request, response))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const client = new S3Client({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'test',
    bucket: 'bucket',
    prefix: '',
    accessKey: 'key',
    secretKey: 'secret',
    sessionToken: undefined,
    pathStyle: true,
  })
  return {
    storage: new S3Storage(client, { piece: 10, copy: 10, leastPart: 5 }),
    client,
    requests,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

test('a store that gives the whole for a part is told of, and ends nothing else', async () => {
  await using store = await storeOf((_request, response) => {
    response.writeHead(200, { 'content-length': 1 << 20 }).end(Buffer.alloc(1 << 20))
  })
  for (const range of [
    { start: 5, end: 9 },
    { start: 0, end: 9 },
  ])
    await assert.rejects(buffer(store.storage.open('blobs/a', range)), /does not give parts of objects/)
  assert.equal((await buffer(store.storage.open('blobs/a'))).length, 1 << 20)
})

test('an error that comes after a long wait is one', async () => {
  await using store = await storeOf((_request, response) => {
    response.writeHead(200).write('<?xml version="1.0"?>\n')
    response.write(' '.repeat(1000))
    response.end('<Error><Code>AccessDenied</Code></Error>')
  })
  await assert.rejects(store.client.call('PUT', 'blobs/a'), /AccessDenied/)
})

const left = ['backup/photos', 'blobs/sha256/aa/aa', 'removed/blobs/sha256/bb/bb']
const upload = (key: string) =>
  `<Upload><Key>${key}</Key><UploadId>1</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>`

test('what others left half sent in the bucket is theirs', async () => {
  await using store = await storeOf(({ method, url = '' }, response) => {
    const { searchParams: query } = new URL(url, 'http://store')
    if (method === 'DELETE') response.writeHead(204).end()
    else if (query.has('uploads')) {
      const found = left.filter(key => key.startsWith(query.get('prefix') ?? ''))
      response.end(`<ListMultipartUploadsResult>${found.map(upload).join('')}</ListMultipartUploadsResult>`)
    } else response.end('<ListBucketResult></ListBucketResult>')
  })
  await store.storage.expireRemoved(Date.now(), () => true)
  const ended = store.requests.filter(request => request.startsWith('DELETE'))
  assert.deepEqual(ended, [
    'DELETE /bucket/blobs/sha256/aa/aa?uploadId=1',
    'DELETE /bucket/removed/blobs/sha256/bb/bb?uploadId=1',
  ])
})
