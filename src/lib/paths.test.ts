// Paths as text.

import { equal, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cleanPath, isLocal, isWithin } from './paths.ts'

describe('paths', () => {
  it('are cleaned as Go does', () => {
    const cases = {
      '': '.',
      '/': '/',
      '//': '/',
      '/a/': '/a',
      'a/../..': '..',
      '/../a': '/a',
      './a': 'a',
      '/a/./b//c': '/a/b/c',
    }
    for (const [path, clean] of Object.entries(cases)) equal(cleanPath(path), clean, path)
  })

  it('are within one another', () => {
    ok(isWithin('/a/b', '/a') && isWithin('/a', '/a') && isWithin('/a', '/'))
    ok(!isWithin('/ab', '/a') && !isWithin('/', '/a'))
  })

  it('are local if they cannot lead out', () => {
    for (const path of ['a', 'a/../b', './a', '..a']) ok(isLocal(path), path)
    for (const path of ['', '/a', '..', 'a/../..', '../a', './../a']) ok(!isLocal(path), path)
  })
})
