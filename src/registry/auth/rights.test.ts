// Rules: which repositories they are about, and for whom.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Rule, Rights } from './rights.ts'

const rule = (more: Partial<Rule>): Rule => ({
  repository: '**',
  users: [],
  groups: [],
  anonymous: false,
  allow: ['pull'],
  ...more,
})
const groups = new Map([['dev', new Set(['ann'])]])
const allows = (rules: Rule[], user: string | undefined, repository: string) =>
  new Rights(rules, groups).allows(user, repository, 'pull')

test('patterns match whole names, components, or anything', () => {
  const cases: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a/b/c', false],
    ['a/**', 'a/b/c', true],
    ['a.b', 'axb', false],
    ['**', 'any/thing', true],
    ['home/{user}/**', 'home/ann/x', true],
    ['home/{user}/**', 'home/bob/x', false],
  ]
  for (const [repository, name, expected] of cases) {
    assert.equal(allows([rule({ repository, users: ['*'] })], 'ann', name), expected, `${repository} ${name}`)
  }
  assert.equal(allows([rule({ repository: '{user}', anonymous: true })], undefined, ''), false)
  assert.equal(allows([rule({ repository: '{user}', users: ['*'] })], '.*', 'anything'), false)
})

test('rules add up, and concern users, groups or everyone', () => {
  assert.equal(allows([rule({ groups: ['dev'] })], 'ann', 'x'), true)
  assert.equal(allows([rule({ groups: ['dev'] })], 'bob', 'x'), false)
  assert.equal(allows([rule({ users: ['bob'] }), rule({ users: ['ann'] })], 'ann', 'x'), true)
  assert.equal(allows([rule({ users: ['*'] })], undefined, 'x'), false)
  assert.equal(allows([rule({ anonymous: true })], undefined, 'x'), true)
  assert.equal(allows([], 'ann', 'x'), true)
  assert.equal(allows([], undefined, 'x'), false)
})
