// Paths as clients write them, and where they lead in a tree whose links lead anywhere.

import assert from 'node:assert/strict'
import { constants, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openPath } from '../../kernel/descriptor.ts'
import { kindOf } from '../../lib/errors.ts'
import { temporaryDirectory } from '../testing.ts'
import { locate, lookupError, resolvePath, statLocated } from './locate.ts'

test('a path is taken apart with what its end asks for', () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ['/a/b', '/a/', 'b', 'b'],
    ['a/b', '/a/', 'b', 'b'],
    ['/a/b/', '/a/b/', '', 'b'],
    ['/a/b/.', '/a/b/', '.', '.'],
    ['/a/../b', '/', 'b', 'b'],
    ['/a/..', '/', '', '/'],
    ['../../x', '/', 'x', 'x'],
    ['/', '/', '', '/'],
    ['.', '/', '.', '.'],
    ['/..a', '/', '..a', '..a'],
  ]
  for (const [path, parent, base, name] of cases) assert.deepEqual(locate(path), { parent, base, name }, path)
  for (const path of ['/a\0b', `/${'x/'.repeat(2100)}`]) assert.throws(() => locate(path), { kind: 'invalid' })
})

test('links lead to where they would lead inside', () => {
  using place = temporaryDirectory()
  mkdirSync(place.join('etc/sub'), { recursive: true })
  writeFileSync(place.join('etc/f'), 'four')
  const links = { abs: '/etc', up: '../../../etc', rel: 'etc/f', twice: 'abs/f', gone: 'etc/none/x', loop: 'loop' }
  for (const [name, target] of Object.entries(links)) symlinkSync(target, place.join(name))
  using root = openPath(place.path, constants.O_RDONLY | constants.O_DIRECTORY)
  const expected = {
    '/abs': '/etc',
    '/up': '/etc',
    '/up/sub': '/etc/sub',
    '/rel': '/etc/f',
    '/twice': '/etc/f',
    '/gone': '/etc/none/x',
    '/abs/new': '/etc/new',
    '/abs/': '/etc',
    '/': '/',
  }
  for (const [path, target] of Object.entries(expected)) assert.equal(resolvePath(root, path), target, path)
  assert.throws(() => resolvePath(root, '/loop'), { kind: 'invalid' })
  assert.equal(statLocated(root, locate('/twice')).linkTarget, '/etc/f')
  assert.equal(statLocated(root, locate('/abs/f')).size, 4)
  assert.equal(statLocated(root, locate('/abs/')).name, 'abs')
  for (const path of ['/none', '/etc/f/', '/etc/f/x', '/gone/']) {
    try {
      statLocated(root, locate(path))
      assert.fail(path)
    } catch (error) {
      assert.equal(kindOf(lookupError(error, path, 'c')), 'notFound', path)
    }
  }
})
