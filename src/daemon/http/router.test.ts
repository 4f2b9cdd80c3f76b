// Routing: names with slashes, and the table as a whole.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Handlers, empty } from '../../api/handler.ts'
import { type OperationId, routes } from '../../api/routes/all.ts'
import { Router } from './router.ts'

const ids = Object.keys(routes) as OperationId[]
const all = Object.fromEntries(ids.map(id => [id, async () => empty()])) as unknown as Handlers
const router = new Router(all)

for (const id of ids) {
  test(`${id} is found by its own path`, () => {
    const { method, path } = routes[id]
    assert.equal(router.find(method, path.replace(/\{\w+\}/g, 'some-name'))?.operation.id, id)
  })
}

const found: [string, string, OperationId, Record<string, string>][] = [
  [
    'GET',
    '/images/docker.io/library/busybox:latest/json',
    'ImageInspect',
    { name: 'docker.io/library/busybox:latest' },
  ],
  ['DELETE', '/images/a/b/json', 'ImageDelete', { name: 'a/b/json' }],
  ['GET', '/images/json', 'ImageList', {}],
  ['GET', '/images/json/json', 'ImageInspect', { name: 'json' }],
  ['GET', '/images/get', 'ImageGetAll', {}],
  ['POST', '/exec/abc/start', 'ExecStart', { id: 'abc' }],
  ['GET', '/containers/a/b/attach/ws', 'ContainerAttachWebsocket', { name: 'a/b' }],
  ['DELETE', '/containers/a/b/checkpoints/c', 'CheckpointDelete', { name: 'a/b', checkpoint: 'c' }],
  ['DELETE', '/containers/a/b/checkpoint/c', 'ContainerDelete', { name: 'a/b/checkpoint/c' }],
  ['DELETE', '/volumes/', 'VolumeDelete', { name: '' }],
]
for (const [method, path, id, params] of found) {
  test(`${method} ${path} is ${id}`, () => {
    const match = router.find(method, path)
    assert.equal(match?.operation.id, id)
    assert.deepEqual(match?.params, params)
  })
}

for (const [method, path] of [
  ['GET', '/'],
  ['GET', '/containers'],
  ['PUT', '/containers/json'],
  ['HEAD', '/version'],
  ['GET', '/containers/x/bogus'],
  ['GET', ''],
] as const) {
  test(`${method} ${path} is nothing`, () => assert.equal(router.find(method, path), undefined))
}

test('an operation without a handler does not exist', () => {
  assert.equal(new Router({}).find('GET', '/_ping'), undefined)
})
