// Request targets: versions, escapes and paths that are not clean.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from '../../lib/errors.ts'
import { negotiate, parseTarget } from './target.ts'

test('a target has a version, a decoded path and a query', () => {
  const target = parseTarget('/v1.41/images/a%2Fb/json?x=%20')
  assert.deepEqual(target, { version: '1.41', path: '/images/a/b/json', query: 'x=%20', redirect: undefined })
  assert.equal(parseTarget('/version').version, undefined)
  assert.equal(parseTarget('http://docker/v1.30/info').path, '/info')
})

test('an unclean path is redirected', () => {
  assert.equal(parseTarget('/images//json?a=1').redirect, '/images/json?a=1')
  assert.equal(parseTarget('/v1.41/a/../b/').redirect, '/v1.41/b/')
  assert.equal(parseTarget('/a/..').redirect, '/')
})

test('versions out of range are refused in the words that clients look for', () => {
  assert.equal(negotiate(undefined).text, '1.56')
  assert.equal(negotiate('1.24').text, '1.24')
  assert.throws(() => negotiate('1.23'), {
    kind: 'invalid',
    message:
      'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  })
  assert.throws(() => negotiate('1.57'), {
    message: 'client version 1.57 is too new. Maximum supported API version is 1.56',
  })
})

test('versions compare by number', () => {
  assert.ok(negotiate('1.41').atLeast('1.41'))
  assert.ok(!negotiate('1.41').atLeast('1.42'))
  assert.ok(negotiate('1.41').atLeast('1.9'))
})

test('any target is taken apart or refused as invalid, and a redirect leads to a clean path', () => {
  const part = fc.oneof(fc.string(), fc.constantFrom('..', '.', '', '%2e', '%2F', 'v1.41', 'a', '%'))
  fc.assert(
    fc.property(fc.array(part), parts => {
      try {
        const { redirect } = parseTarget(`/${parts.join('/')}`)
        if (redirect !== undefined) assert.equal(parseTarget(redirect).redirect, undefined)
      } catch (error) {
        assert.equal(kindOf(error), 'invalid')
      }
    }),
  )
})
