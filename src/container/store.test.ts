// The order and the look-up of containers.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ContainerConfig, HostConfig } from '../api/types/container.ts'
import { zero } from '../api/decode.ts'
import { Database } from '../state/database.ts'
import { Container, freshState } from './model.ts'
import { ContainerStore } from './store.ts'

function created(id: string, time: string): Container {
  const definition = {
    id: id.repeat(64),
    created: time,
    imageId: `sha256:${'0'.repeat(64)}`,
    topLayer: undefined,
    platform: 'linux',
    config: zero(ContainerConfig),
    hostConfig: zero(HostConfig),
    endpoints: {},
    mounts: [],
    anonymousVolumes: [],
    argv: ['true'],
  } as const
  return new Container(`name-${id}`, definition, freshState())
}

test('containers are listed newest first, however many digits their times have', () => {
  using database = Database.open(':memory:')
  const store = new ContainerStore(database)
  store.add(created('b', '2026-01-02T03:04:05.12Z'), () => {})
  store.add(created('a', '2026-01-02T03:04:05.1Z'), () => {})
  store.add(created('c', '2026-01-02T03:04:05.123456789Z'), () => {})
  store.add(created('d', '2026-01-02T03:04:05Z'), () => {})
  assert.deepEqual(
    store.all().map(({ name }) => name),
    ['name-c', 'name-b', 'name-a', 'name-d'],
  )
})

test('a container is found by id, name and the beginning of an id that is one container’s', () => {
  using database = Database.open(':memory:')
  const store = new ContainerStore(database)
  const container = created('a', '2026-01-02T03:04:05Z')
  store.add(container, () => {})
  for (const reference of ['a'.repeat(64), 'name-a', '/name-a', 'aaa']) assert.equal(store.get(reference), container)
  assert.throws(() => store.get('b'), { kind: 'notFound', message: 'No such container: b' })
  assert.throws(() => store.add(created('b', '2026-01-02T03:04:05Z'), () => {}) ?? store.checkNameFree('name-b'), {
    kind: 'conflict',
  })
})
