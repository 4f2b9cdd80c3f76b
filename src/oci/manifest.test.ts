// Manifests, indexes and configurations: what is read and what is refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from '../lib/errors.ts'
import { digestOf, parseDigest } from './digest.ts'
import { parseImageConfig } from './image-config.ts'
import { mediaTypes, parseManifest } from './manifest.ts'

const digest = digestOf('')
const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: 0 }
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))

test('a digest is checked before it can become a path', () => {
  assert.equal(parseDigest(digest), digest)
  for (const text of ['', 'sha256:', 'sha256:../../x', `sha256:${'0'.repeat(63)}`, `SHA256:${'0'.repeat(64)}`]) {
    assert.throws(() => parseDigest(text), { kind: 'invalid' })
  }
  assert.throws(() => parseDigest(`sha256:${'A'.repeat(64)}`), { message: 'invalid checksum digest format' })
  assert.throws(() => parseDigest(`sha512:${'0'.repeat(128)}`), { message: 'unsupported digest algorithm' })
})

test('a manifest and an index are told apart', () => {
  const manifest = parseManifest(bytes({ schemaVersion: 2, config: descriptor, layers: [descriptor] }))
  assert.equal(manifest.kind === 'manifest' && manifest.layers[0]?.digest, digest)
  const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' }
  const index = parseManifest(bytes({ schemaVersion: 2, manifests: [{ ...descriptor, platform }] }))
  assert.deepEqual(index.kind === 'index' && index.manifests[0]?.platform, platform)
})

test('ambiguous and malformed manifests are refused', () => {
  const cases: unknown[] = [
    { schemaVersion: 1, config: descriptor, layers: [] },
    { schemaVersion: 2, config: descriptor, layers: [], manifests: [] },
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, config: descriptor, layers: [] },
    { schemaVersion: 2 },
    { schemaVersion: 2, config: { ...descriptor, digest: 'sha256:../../x' }, layers: [] },
    { schemaVersion: 2, config: { ...descriptor, size: -1 }, layers: [] },
    { schemaVersion: 2, config: descriptor, layers: {} },
    [],
    null,
  ]
  for (const value of cases) assert.throws(() => parseManifest(bytes(value)), { kind: 'invalid' })
  const manifest = bytes({ schemaVersion: 2, config: descriptor, layers: [] })
  assert.throws(() => parseManifest(manifest, mediaTypes.dockerIndex), { kind: 'invalid' })
})

test('a config keeps its fields and loses its nulls', () => {
  const config = parseImageConfig(
    bytes({
      os: 'linux',
      config: { Cmd: ['sh'], Env: null, Healthcheck: { Test: ['NONE'] } },
      rootfs: { diff_ids: [digest] },
      history: [{ created_by: 'x', empty_layer: true }],
    }),
  )
  assert.deepEqual(config.rootfs, { type: 'layers', diff_ids: [digest] })
  assert.deepEqual(config.config, { Cmd: ['sh'], Healthcheck: { Test: ['NONE'] } })
  assert.deepEqual(parseImageConfig(bytes({ rootfs: { diff_ids: null } })).rootfs.diff_ids, [])
})

test('a bad config is refused', () => {
  assert.throws(() => parseImageConfig(bytes({ os: 'linux' })), { message: 'invalid image JSON, no RootFS key' })
  for (const extra of [{ config: { Cmd: 'sh' } }, { config: { Labels: { a: 1 } } }, { history: [1] }, { os: 7 }]) {
    assert.throws(() => parseImageConfig(bytes({ rootfs: {}, ...extra })), { kind: 'invalid' })
  }
  assert.throws(() => parseImageConfig(bytes({ rootfs: { diff_ids: ['sha256:../x'] } })), { kind: 'invalid' })
  const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`
  assert.throws(() => parseImageConfig(Buffer.from(`{"rootfs":{},"x":${deep}}`)), { kind: 'invalid' })
})

/** True if `parse` succeeds or says that its input is invalid. */
function refusesCleanly(parse: () => unknown): boolean {
  try {
    parse()
    return true
  } catch (error) {
    return kindOf(error) === 'invalid'
  }
}

test('no JSON makes the parsers fail in any other way', () => {
  const field = fc.constantFrom(
    'schemaVersion',
    'config',
    'layers',
    'manifests',
    'rootfs',
    'history',
    'Cmd',
    'diff_ids',
  )
  const value = fc.letrec(tie => ({
    node: fc.oneof({ maxDepth: 4 }, fc.jsonValue(), fc.constant(2), fc.dictionary(field, tie('node'))),
  })).node
  fc.assert(
    fc.property(value, document => {
      const text = bytes(document)
      return refusesCleanly(() => parseManifest(text)) && refusesCleanly(() => parseImageConfig(text))
    }),
  )
})
