// What storage options mean, and which are refused.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { checkDefaultSize, defaultSize, storageSize } from './size.ts'

const gigabyte = 2 ** 30

test("a container's own size counts more than the daemon's", () => {
  const projects = { supported: true }
  assert.equal(storageSize(null, { otherwise: 5, projects }), 5)
  assert.equal(storageSize({ size: '1G' }, { otherwise: 5, projects }), gigabyte)
  assert.equal(storageSize({ SIZE: '10gib' }, { otherwise: 0, projects }), 10 * gigabyte)
  assert.equal(storageSize({ size: '0' }, { otherwise: 5, projects }), 0)
  assert.throws(() => storageSize({ colour: '1' }, { otherwise: 0, projects }), { message: 'Unknown option colour' })
  assert.throws(() => storageSize({ size: '-1' }, { otherwise: 0, projects }), { message: "invalid size: '-1'" })
})

test('without project quotas there are no limits', () => {
  const projects = { supported: false }
  assert.equal(storageSize({}, { otherwise: 0, projects }), 0)
  const message = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
  assert.throws(() => storageSize({ size: '1G' }, { otherwise: 0, projects }), { message })
  checkDefaultSize(0, projects)
  assert.throws(() => checkDefaultSize(1, projects), /^GantryError: Storage option overlay2\.size not supported/)
})

test("the daemon's options are those of overlay2", () => {
  assert.equal(defaultSize([]), 0)
  assert.equal(defaultSize(['overlay2.override_kernel_check=true', 'Overlay2.Size = 2g']), 2 * gigabyte)
  assert.throws(() => defaultSize(['dm.basesize=10G']), { message: 'overlay2: unknown option dm.basesize' })
  assert.throws(() => defaultSize(['overlay2.size']), { message: 'Unable to parse key/value option: overlay2.size' })
})
