// Challenges are read as RFC 9110 writes them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { parseChallenges } from './challenge.ts'

const read = (header: string | string[]) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }])

test('one challenge, with quoted values and tokens', () => {
  assert.deepEqual(read('Bearer realm="https://a.example/token",service="a, b",scope="repository:x:pull,push"'), [
    ['bearer', { realm: 'https://a.example/token', service: 'a, b', scope: 'repository:x:pull,push' }],
  ])
  assert.deepEqual(read('Basic realm=plain'), [['basic', { realm: 'plain' }]])
  assert.deepEqual(read('BASIC Realm = "a \\"b\\" \\\\"'), [['basic', { realm: 'a "b" \\' }]])
})

test('several, in one header or in several', () => {
  const both = [
    ['basic', { realm: 'x' }],
    ['bearer', { realm: 'y', service: 'z' }],
  ]
  assert.deepEqual(read('Basic realm="x", Bearer realm="y", service="z"'), both)
  assert.deepEqual(read(['Basic realm="x"', 'Bearer realm="y",service="z"']), both)
  assert.deepEqual(read('Negotiate, Basic realm="x"'), [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
  ])
})

test('what is no challenge is none', () => {
  assert.deepEqual(parseChallenges(undefined), [])
  for (const header of ['', '   ', ',,,', '="x"', 'realm="x"']) assert.deepEqual(parseChallenges(header), [])
  assert.deepEqual(parseChallenges(`Bearer realm="${'x'.repeat(10_000)}"`), [])
})

test('whatever comes is read in a short time', () => {
  const piece = fc.constantFrom('Bearer', 'realm', '=', '"', '\\', ',', ' ', 'x'.repeat(50), ':', '\t')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 400 }), pieces => {
      const start = performance.now()
      parseChallenges(pieces.join(''))
      assert.ok(performance.now() - start < 1000)
    }),
  )
})
