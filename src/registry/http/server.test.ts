// The registry by its endpoints, in the order of the specification's table, and each of its error codes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryDirectory } from '../../content/testing.ts'
import { contentDigestOf } from '../digest.ts'
import { type TestRegistry, pushBlob, pushImage, startRegistry } from '../testing.ts'

const absent = `sha256:${'0'.repeat(64)}`

async function refused(response: Response, status: number, code: string) {
  const { errors } = (await response.json()) as { errors: { code: string; message: string }[] }
  assert.deepEqual([response.status, errors.map(error => error.code)], [status, [code]])
  assert.notEqual(errors[0]?.message, '')
}

async function begin(registry: TestRegistry, name: string): Promise<string> {
  const response = await registry.request('POST', `${name}/blobs/uploads/`)
  assert.equal(response.status, 202)
  assert.equal(response.headers.get('range'), '0-0')
  return (response.headers.get('location') ?? '').replace('/v2/', '')
}

async function usingRegistry<T>(root: string, body: (registry: TestRegistry) => Promise<T>): Promise<T> {
  await using registry = await startRegistry({ root: root })
  return await body(registry)
}

test('end-1: the registry says that it is one', async () => {
  await using registry = await startRegistry()
  const response = await fetch(`${registry.url}/v2/`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('docker-distribution-api-version'), 'registry/2.0')
  assert.equal(await response.text(), '{}')
})

test('end-2: blobs, whole and in part', async suite => {
  await using registry = await startRegistry()
  const digest = await pushBlob(registry, 'a/b', '0123456789')
  const get = (headers: Record<string, string>, method = 'GET') =>
    registry.request(method, `a/b/blobs/${digest}`, { headers })

  await suite.test('GET and HEAD', async () => {
    const whole = await get({})
    assert.equal(whole.headers.get('docker-content-digest'), digest)
    assert.equal(await whole.text(), '0123456789')
    const head = await get({}, 'HEAD')
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '10', ''])
  })
  for (const [range, content, part] of [
    ['bytes=2-4', 'bytes 2-4/10', '234'],
    ['bytes=7-', 'bytes 7-9/10', '789'],
    ['bytes=-3', 'bytes 7-9/10', '789'],
    ['bytes=8-100', 'bytes 8-9/10', '89'],
  ] as const) {
    await suite.test(range, async () => {
      const response = await get({ range })
      assert.equal(response.status, 206)
      assert.equal(response.headers.get('content-range'), content)
      assert.equal(await response.text(), part)
    })
  }
  await suite.test('ranges that are none give the whole', async () => {
    for (const range of ['bytes=4-2', 'lines=1-2', 'bytes=1-2,4-5', 'bytes=-'])
      assert.equal(await (await get({ range })).text(), '0123456789')
  })
  await suite.test('a range behind the end', async () =>
    refused(await get({ range: 'bytes=10-' }), 416, 'SIZE_INVALID'),
  )
  await suite.test('one that the client has', async () =>
    assert.equal((await get({ 'if-none-match': `"${digest}"` })).status, 304),
  )
  await suite.test('one that another repository has', async () =>
    refused(await registry.request('GET', `other/blobs/${digest}`), 404, 'BLOB_UNKNOWN'),
  )
  await suite.test('a digest that is none', async () => {
    for (const bad of ['sha256:abc', 'md5:d41d8cd98f00b204e9800998ecf8427e', 'sha256:..', `sha256:${'G'.repeat(64)}`])
      await refused(await registry.request('GET', `a/b/blobs/${bad}`), 400, 'DIGEST_INVALID')
  })
})

test('end-4: a blob in one request, and end-6: in two', async () => {
  await using registry = await startRegistry()
  const content = 'x'.repeat(300_000)
  const digest = contentDigestOf(Buffer.from(content), 'sha512')
  const one = await registry.request('POST', `a/blobs/uploads/?digest=${digest}`, { body: content })
  assert.equal(one.status, 201)
  assert.equal(one.headers.get('location'), `/v2/a/blobs/${digest}`)
  assert.equal((await (await registry.request('GET', `a/blobs/${digest}`)).text()).length, 300_000)
  const place = await begin(registry, 'b')
  const two = await registry.request('PUT', `${place}?digest=${digest}`, { body: content })
  assert.equal(two.status, 201)
  await refused(
    await registry.request('PUT', `${place}?digest=${digest}`, { body: content }),
    404,
    'BLOB_UPLOAD_UNKNOWN',
  )
})

test('end-5: chunks, in order', async suite => {
  await using registry = await startRegistry()
  const place = await begin(registry, 'a')
  const patch = (body: string, range?: string) =>
    registry.request('PATCH', place, { body, headers: range === undefined ? {} : { 'content-range': range } })
  await suite.test('the first, and how far it came', async () => {
    const response = await patch('01234', '0-4')
    assert.deepEqual([response.status, response.headers.get('range')], [202, '0-4'])
    const asked = await registry.request('GET', place)
    assert.deepEqual(
      [asked.status, asked.headers.get('range'), asked.headers.get('location')],
      [204, '0-4', `/v2/${place}`],
    )
  })
  await suite.test('one at the wrong place is refused, and told the right one', async () => {
    for (const range of ['0-4', '6-10']) {
      const response = await patch('56789', range)
      assert.deepEqual([response.status, response.headers.get('range')], [416, '0-4'])
    }
    await refused(await patch('56789', '5-6'), 416, 'SIZE_INVALID')
  })
  await suite.test('nor does it end at a wrong place', async () => {
    const options = { body: '56789', headers: { 'content-range': '6-10' } }
    const answer = await registry.request('PUT', `${place}?digest=${absent}`, options)
    await refused(answer, 416, 'BLOB_UPLOAD_INVALID')
  })
  await suite.test('the last, without a range', async () =>
    assert.equal((await patch('56789')).headers.get('range'), '0-9'),
  )
  await suite.test('a digest that is missing', async () =>
    refused(await registry.request('PUT', place), 400, 'DIGEST_INVALID'),
  )
  await suite.test('the end', async () => {
    const digest = contentDigestOf(Buffer.from('0123456789'), 'sha256')
    assert.equal((await registry.request('PUT', `${place}?digest=${digest}`)).status, 201)
    assert.equal(await (await registry.request('GET', `a/blobs/${digest}`)).text(), '0123456789')
  })
})

test('an upload goes on after the registry was started anew', async () => {
  using directory = temporaryDirectory()
  const place = await usingRegistry(directory.path, async first => {
    const begun = await begin(first, 'a')
    await first.request('PATCH', begun, { body: '01234' })
    return begun
  })
  await using second = await startRegistry({ root: directory.path })
  const digest = contentDigestOf(Buffer.from('0123456789'), 'sha256')
  assert.equal((await second.request('PUT', `${place}?digest=${digest}`, { body: '56789' })).status, 201)
})

test('what is not what it says is no blob', async () => {
  await using registry = await startRegistry()
  const place = await begin(registry, 'a')
  await refused(await registry.request('PUT', `${place}?digest=${absent}`, { body: 'x' }), 400, 'DIGEST_INVALID')
  await refused(await registry.request('GET', `a/blobs/${absent}`), 404, 'BLOB_UNKNOWN')
  await refused(await registry.request('GET', place), 404, 'BLOB_UPLOAD_UNKNOWN')
})

test('end-11: a blob of another repository is mounted, or uploaded after all', async () => {
  await using registry = await startRegistry()
  const digest = await pushBlob(registry, 'from', 'x')
  const mounted = await registry.request('POST', `to/blobs/uploads/?mount=${digest}&from=from`)
  assert.deepEqual([mounted.status, mounted.headers.get('location')], [201, `/v2/to/blobs/${digest}`])
  assert.equal((await registry.request('HEAD', `to/blobs/${digest}`)).status, 200)
  for (const from of ['&from=nothing', '']) {
    const response = await registry.request('POST', `more/blobs/uploads/?mount=${digest}${from}`)
    assert.equal(response.status, 202)
  }
  await refused(await registry.request('POST', `to/blobs/uploads/?mount=${digest}&from=..%2Fx`), 400, 'NAME_INVALID')
})

test('end-13: an upload is given up', async () => {
  await using registry = await startRegistry()
  const place = await begin(registry, 'a')
  assert.equal((await registry.request('DELETE', place)).status, 204)
  for (const method of ['GET', 'DELETE', 'PATCH'])
    await refused(await registry.request(method, place), 404, 'BLOB_UPLOAD_UNKNOWN')
  await refused(await registry.request('GET', 'a/blobs/uploads/..%2f..'), 404, 'UNSUPPORTED')
})

test('end-3 and end-7: manifests by tag and by digest', async () => {
  await using registry = await startRegistry()
  const { response, body, digest } = await pushImage(registry, 'a', 'v1')
  assert.deepEqual([response.status, response.headers.get('location')], [201, `/v2/a/manifests/${digest}`])
  for (const reference of ['v1', digest]) {
    const got = await registry.request('GET', `a/manifests/${reference}`)
    assert.equal(got.headers.get('content-type'), 'application/vnd.oci.image.manifest.v1+json')
    assert.equal(got.headers.get('docker-content-digest'), digest)
    assert.equal(await got.text(), body)
    const head = await registry.request('HEAD', `a/manifests/${reference}`)
    assert.equal(head.headers.get('content-length'), String(body.length))
  }
  await refused(await registry.request('GET', 'a/manifests/v2'), 404, 'MANIFEST_UNKNOWN')
  await refused(await registry.request('GET', `a/manifests/${absent}`), 404, 'MANIFEST_UNKNOWN')
  await refused(await registry.request('GET', 'b/manifests/v1'), 404, 'NAME_UNKNOWN')
})

test('manifests that are refused', async suite => {
  await using registry = await startRegistry()
  const put = (body: string, reference = 'v1', type = 'application/vnd.oci.image.manifest.v1+json') =>
    registry.request('PUT', `a/manifests/${reference}`, { body, headers: { 'content-type': type } })
  const config = { mediaType: 'x', digest: absent, size: 1 }
  const cases: Readonly<Record<string, readonly [Record<string, unknown>, number, string]>> = {
    'an unknown blob': [{ schemaVersion: 2, config, layers: [] }, 404, 'MANIFEST_BLOB_UNKNOWN'],
    'another schema version': [{ schemaVersion: 1 }, 400, 'MANIFEST_INVALID'],
    'index and image at once': [{ schemaVersion: 2, config, layers: [], manifests: [] }, 400, 'MANIFEST_INVALID'],
    'another type than sent': [{ schemaVersion: 2, mediaType: 'a/b', config, layers: [] }, 400, 'MANIFEST_INVALID'],
    'an index sent as an image': [{ schemaVersion: 2, manifests: [] }, 400, 'MANIFEST_INVALID'],
    'a digest that is a path': [
      { schemaVersion: 2, config: { ...config, digest: 'sha256:../x' }, layers: [] },
      400,
      'MANIFEST_INVALID',
    ],
    'a size below zero': [{ schemaVersion: 2, config: { ...config, size: -1 }, layers: [] }, 400, 'MANIFEST_INVALID'],
    'layers that are no list': [{ schemaVersion: 2, config, layers: 1 }, 400, 'MANIFEST_INVALID'],
  }
  for (const [name, [body, status, code]] of Object.entries(cases))
    await suite.test(name, async () => refused(await put(JSON.stringify(body)), status, code))
  await suite.test('no JSON', async () => refused(await put('{'), 400, 'MANIFEST_INVALID'))
  await suite.test('another digest', async () =>
    refused(await put('{"schemaVersion":2}', absent), 400, 'DIGEST_INVALID'),
  )
  await suite.test('a tag that is none', async () => refused(await put('{}', '-x'), 400, 'MANIFEST_INVALID'))
  await suite.test('too large', async () => refused(await put(' '.repeat((4 << 20) + 1)), 413, 'MANIFEST_INVALID'))
  await suite.test('nothing is left of them', async () =>
    refused(await registry.request('GET', 'a/tags/list'), 404, 'NAME_UNKNOWN'),
  )
})

test('an index refers to manifests that are there', async () => {
  await using registry = await startRegistry()
  const { digest, body } = await pushImage(registry, 'a', 'v1')
  const index = (of: string) =>
    JSON.stringify({ schemaVersion: 2, manifests: [{ mediaType: 'x', digest: of, size: body.length }] })
  const headers = { 'content-type': 'application/vnd.oci.image.index.v1+json' }
  const put = (of: string) => registry.request('PUT', 'a/manifests/all', { body: index(of), headers })
  assert.equal((await put(digest)).status, 201)
  await refused(await put(absent), 404, 'MANIFEST_BLOB_UNKNOWN')
})

test('end-8: tags, page by page', async () => {
  await using registry = await startRegistry()
  for (const tag of ['b', 'a', 'c', 'B']) await pushImage(registry, 'a', tag)
  const list = async (query: string) => {
    const response = await registry.request('GET', `a/tags/list${query}`)
    return [await response.json(), response.headers.get('link')]
  }
  assert.deepEqual(await list(''), [{ name: 'a', tags: ['B', 'a', 'b', 'c'] }, null])
  assert.deepEqual(await list('?n=2'), [{ name: 'a', tags: ['B', 'a'] }, '</v2/a/tags/list?n=2&last=a>; rel="next"'])
  assert.deepEqual(await list('?n=2&last=a'), [{ name: 'a', tags: ['b', 'c'] }, null])
  assert.deepEqual(await list('?n=0'), [{ name: 'a', tags: [] }, null])
  await refused(await registry.request('GET', 'a/tags/list?n=x'), 400, 'UNSUPPORTED')
})

test('the catalog', async () => {
  await using registry = await startRegistry()
  for (const name of ['b', 'a/c', 'a']) await pushImage(registry, name, 'v1')
  const response = await registry.request('GET', '_catalog?n=2')
  assert.deepEqual(await response.json(), { repositories: ['a', 'a/c'] })
  assert.equal(response.headers.get('link'), '</v2/_catalog?n=2&last=a%2Fc>; rel="next"')
})

test('end-9 and end-10: tags, manifests and blobs are deleted', async () => {
  await using registry = await startRegistry()
  const { digest } = await pushImage(registry, 'a', 'v1')
  await pushImage(registry, 'a', 'v2')
  assert.equal((await registry.request('DELETE', 'a/manifests/v1')).status, 202)
  assert.equal((await registry.request('GET', 'a/manifests/v1')).status, 404)
  assert.equal((await registry.request('GET', 'a/manifests/v2')).status, 200)
  assert.equal((await registry.request('DELETE', `a/manifests/${digest}`)).status, 202)
  await refused(await registry.request('DELETE', `a/manifests/${digest}`), 404, 'MANIFEST_UNKNOWN')
  assert.deepEqual(await (await registry.request('GET', 'a/tags/list')).json(), { name: 'a', tags: [] })
  const blob = await pushBlob(registry, 'a', 'layer')
  assert.equal((await registry.request('DELETE', `a/blobs/${blob}`)).status, 202)
  await refused(await registry.request('DELETE', `a/blobs/${blob}`), 404, 'BLOB_UNKNOWN')
})

test('end-12: referrers', async () => {
  await using registry = await startRegistry()
  const { digest, body } = await pushImage(registry, 'a', 'v1')
  const subject = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: body.length }
  const signature = await pushImage(registry, 'a', 'sig', {
    subject,
    artifactType: 'x/signature',
    annotations: { k: 'v' },
  })
  assert.equal(signature.response.headers.get('oci-subject'), digest)
  await pushImage(registry, 'a', 'sbom', { subject, artifactType: 'x/sbom' })
  const list = async (query: string) => {
    const response = await registry.request('GET', `a/referrers/${digest}${query}`)
    assert.equal(response.headers.get('content-type'), 'application/vnd.oci.image.index.v1+json')
    const { manifests } = (await response.json()) as {
      manifests: { artifactType: string; digest: string; annotations?: object }[]
    }
    return { manifests, filters: response.headers.get('oci-filters-applied') }
  }
  assert.deepEqual((await list('')).manifests.map(item => item.artifactType).toSorted(), ['x/sbom', 'x/signature'])
  const filtered = await list('?artifactType=x/signature')
  assert.equal(filtered.filters, 'artifactType')
  assert.deepEqual(
    filtered.manifests.map(item => [item.digest, item.annotations]),
    [[signature.digest, { k: 'v' }]],
  )
  await registry.request('DELETE', `a/manifests/${signature.digest}`)
  assert.deepEqual((await list('?artifactType=x/signature')).manifests, [])
  const none = await registry.request('GET', `nothing/referrers/${absent}`)
  assert.deepEqual([none.status, ((await none.json()) as { manifests: unknown[] }).manifests], [200, []])
})

test('names and methods that are none', async () => {
  await using registry = await startRegistry()
  for (const name of ['A', 'a//b', '..%2fx', 'a%2f..', '_x', 'a/_blobs', `a${'b'.repeat(255)}`, 'a%00b'])
    await refused(await registry.request('GET', `${name}/tags/list`), 400, 'NAME_INVALID')
  await refused(await registry.request('POST', 'a/tags/list'), 405, 'UNSUPPORTED')
  await refused(await registry.request('GET', 'a'), 404, 'UNSUPPORTED')
  await refused(await registry.request('GET', '%E0%A4%A/tags/list'), 400, 'NAME_INVALID')
})

test('a repository may be called like the words of a path', async () => {
  await using registry = await startRegistry()
  const { digest } = await pushImage(registry, 'manifests/blobs/tags', 'list')
  const got = await registry.request('GET', 'manifests/blobs/tags/manifests/list')
  assert.equal(got.headers.get('docker-content-digest'), digest)
})
