// Refusals are said as dockerd says them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kindOf } from '../lib/errors.ts'
import { parseChallenges } from './challenge.ts'
import { registryError } from './errors.ts'

const said = (status: number, body: unknown, challenge?: string) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const error = registryError({ status, body: text, challenges: parseChallenges(challenge) })
  return [kindOf(error), error.code, error.message]
}
const one = (code: string, message: string) => ({ errors: [{ code, message }] })

const plain = (status: number, body: string) => said(status, body)[2]

test('a code with its message', () => {
  assert.deepEqual(said(404, one('MANIFEST_UNKNOWN', 'manifest unknown')), [
    'notFound',
    'MANIFEST_UNKNOWN',
    'manifest unknown: manifest unknown',
  ])
  assert.deepEqual(said(429, one('TOOMANYREQUESTS', 'You have reached your pull rate limit.')), [
    'unavailable',
    'TOOMANYREQUESTS',
    'toomanyrequests: You have reached your pull rate limit.',
  ])
  assert.deepEqual(said(403, one('DENIED', '')), [
    'forbidden',
    'DENIED',
    'denied: requested access to the resource is denied',
  ])
})

test('several codes: the first one counts', () => {
  const errors = [
    { code: 'NAME_INVALID', message: 'one' },
    { code: 'UNKNOWN', message: 'two' },
  ]
  assert.deepEqual(said(400, { errors }), ['invalid', 'NAME_INVALID', 'name invalid: one'])
})

test('what a Bearer challenge says counts first', () => {
  const challenge = 'Bearer realm="https://a.example",scope="x",error="insufficient_scope"'
  assert.deepEqual(said(401, one('UNAUTHORIZED', 'authentication required'), challenge), [
    'unauthorized',
    'DENIED',
    'denied: requested access to the resource is denied',
  ])
  assert.deepEqual(said(401, '', 'Bearer realm="https://a.example",error="invalid_token",error_description="old"'), [
    'unauthorized',
    'UNAUTHORIZED',
    'unauthorized: old',
  ])
})

test('what is no error of a registry', () => {
  assert.equal(plain(502, '<html>'), 'received unexpected HTTP status: 502 Bad Gateway')
  assert.equal(plain(404, '<html>'), 'received unexpected HTTP status: 404 Not Found')
  assert.equal(plain(401, 'x'), 'unauthorized: authentication required')
  assert.equal(plain(429, 'x'), 'toomanyrequests: too many requests')
  assert.equal(
    plain(401, '{"details":"incorrect username or password"}'),
    'unauthorized: incorrect username or password',
  )
  for (const body of ['null', '[]', '{"errors":{}}', '{"errors":[null,1,{"code":1}]}']) {
    assert.equal(plain(400, body), 'received unexpected HTTP status: 400 Bad Request')
  }
})

test('nothing that a terminal would obey, and not without end', () => {
  const [, , text = ''] = said(400, one('UNKNOWN', `\u001B[2J\u0007${'x'.repeat(5000)}`))
  assert.doesNotMatch(text, /\p{Cc}/u)
  assert.ok(text.length <= 1024)
})
