// Reference parsing against Docker's rules.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { GantryError } from '../lib/errors.ts'
import { familiarReference, formatReference, parseReference, withDefaultTag, withTag } from './reference.ts'

const hex = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('a name is completed as Docker does and shortened again', () => {
  const cases = [
    ['busybox', 'docker.io/library/busybox', 'busybox'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
    ['me/app', 'docker.io/me/app', 'me/app'],
    ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
    ['index.docker.io/me/app:x', 'docker.io/me/app:x', 'me/app:x'],
    ['localhost/app', 'localhost/app', 'localhost/app'],
    ['localhost:5000/a/b/c:t', 'localhost:5000/a/b/c:t', 'localhost:5000/a/b/c:t'],
    ['quay.io/a/b', 'quay.io/a/b', 'quay.io/a/b'],
    ['REG/app', 'REG/app', 'REG/app'],
    ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
    [`busybox@sha256:${hex}`, `docker.io/library/busybox@sha256:${hex}`, `busybox@sha256:${hex}`],
    [`b:t@sha256:${hex}`, `docker.io/library/b:t@sha256:${hex}`, `b:t@sha256:${hex}`],
    ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
    ['a__b--c.d_e', 'docker.io/library/a__b--c.d_e', 'a__b--c.d_e'],
  ] as const
  for (const [text, full, familiar] of cases) {
    assert.equal(formatReference(parseReference(text)), full)
    assert.equal(familiarReference(parseReference(text)), familiar)
  }
})

test('a bad name is refused with the text of Docker', () => {
  const cases: [string, RegExp][] = [
    ['', /^invalid reference format$/],
    ['Busybox', /^invalid reference format: repository name \(library\/Busybox\) must be lowercase$/],
    ['a/B:c', /repository name \(a\/B\) must be lowercase/],
    [hex, /cannot specify 64-byte hexadecimal strings/],
    ['a:', /^invalid reference format$/],
    ['a b', /^invalid reference format$/],
    ['-a', /^invalid reference format$/],
    ['a//b', /^invalid reference format$/],
    ['../a', /^invalid reference format$/],
    ['a:b:c', /^invalid reference format$/],
    ['a@sha256:../../x', /^invalid reference format$/],
    [`a@sha256:${hex.slice(1)}`, /^invalid checksum digest length$/],
    [`a@sha256:${hex.toUpperCase()}`, /^invalid checksum digest format$/],
    [`a@md5:${hex.slice(0, 32)}`, /^unsupported digest algorithm$/],
    [`a:${'t'.repeat(129)}`, /^invalid reference format$/],
    ['a'.repeat(256), /must not be more than 255 characters/],
    ['a'.repeat(100_000), /^invalid reference format$/],
  ]
  for (const [text, message] of cases) assert.throws(() => parseReference(text), { kind: 'invalid', message })
})

test('tags are added and checked', () => {
  assert.equal(formatReference(withDefaultTag(parseReference('a'))), 'docker.io/library/a:latest')
  assert.equal(formatReference(withDefaultTag(parseReference(`a@sha256:${hex}`))), `docker.io/library/a@sha256:${hex}`)
  assert.equal(familiarReference(withTag(parseReference('a:b'), 'c')), 'a:c')
  assert.throws(() => withTag(parseReference('a'), '.x'), { message: 'invalid tag format' })
})

test('any accepted name reads back as itself, in both forms', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^([a-zA-Z0-9.:-]{0,9}\/)?[a-z0-9._/-]{1,20}(:[\w.-]{1,9})?$/))
  fc.assert(
    fc.property(text, name => {
      let reference
      try {
        reference = parseReference(name)
      } catch (error) {
        return error instanceof GantryError && error.kind === 'invalid'
      }
      assert.deepEqual(parseReference(formatReference(reference)), reference)
      assert.deepEqual(parseReference(familiarReference(reference)), reference)
      return true
    }),
    { numRuns: 2000 },
  )
})
