// Names of registries in the configuration: what counts, and what dockerd says of the rest.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkInsecure, checkMirror, schemeNotice, withoutScheme } from './registries.ts'

const wrongMirrors: Record<string, string> = {
  'ftp://x': 'unsupported scheme "ftp" in "ftp://x"',
  nothing: 'unsupported scheme "" in "nothing"',
  'https://u:p@x/': 'username/password not allowed in URI "https://u:xxxxx@x/"',
  'https://x/?a=1': 'query or fragment at end of the URI "https://x/?a=1"',
  'https://x/#a': 'query or fragment at end of the URI "https://x/#a"',
  'http://[x': '"http://[x" is not a valid URI',
  'http:x': '"http:x" is not a valid URI',
}
for (const [text, problem] of Object.entries(wrongMirrors)) {
  test(`${text} is no mirror`, () =>
    assert.throws(() => checkMirror(text), { kind: 'invalid', message: `invalid mirror: ${problem}` }))
}

const wrongNames: Record<string, string> = {
  '-x': 'invalid index name (-x). Cannot begin or end with a hyphen',
  'ftp://x': "insecure registry ftp://x should not contain '://'",
  'x:99999': 'insecure registry x:99999 is not valid: invalid port "99999"',
  'x y': 'insecure registry x y is not valid: invalid host "x y"',
  'x y:5000': 'insecure registry x y:5000 is not valid: invalid host "x y"',
  '10.0.0.0/99': 'insecure registry 10.0.0.0/99 is not valid: invalid host "10.0.0.0/99"',
}
for (const [text, message] of Object.entries(wrongNames)) {
  test(`${text} is no insecure registry`, () => assert.throws(() => checkInsecure(text), { kind: 'invalid', message }))
}

test('names, addresses, networks and mirrors are taken as they are', () => {
  for (const text of ['x', 'a.b-c.example:5000', '10.0.0.1', '[::1]:5000', '::1', '10.0.0.0/8', 'fd00::/8'])
    assert.equal(checkInsecure(text), text)
  for (const text of ['https://mirror.test', 'HTTP://10.0.0.1:5000/path/']) assert.equal(checkMirror(text), text)
})

test('a scheme is no part of a name, which is told', () => {
  assert.equal(withoutScheme(checkInsecure('HTTP://x:5000')), 'x:5000')
  assert.match(schemeNotice('https://x') ?? '', /^insecure registry https:\/\/x should not contain 'https:\/\/' and /)
  assert.equal(schemeNotice('x'), undefined)
})
