// Docker's rules for the two paths of `cp`, each with what it asks for at its end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Place, renamed, resolvedEnd, splitEnd, splitOperand, targetOf, withEndOf } from './rules.ts'

const place = (path: string, kind: 'missing' | 'file' | 'directory'): Place => ({
  path,
  exists: kind !== 'missing',
  isDirectory: kind === 'directory',
  rebaseName: '',
})

test('a path is one of a container if it has a colon and is not written as one of this machine', () => {
  assert.deepEqual(splitOperand('c:/x:y'), { container: 'c', path: '/x:y' })
  for (const path of ['/c:/x', './c:/x', '../c:x', '-', 'file']) {
    assert.deepEqual(splitOperand(path), { container: '', path })
  }
})

test('the end of a path says whether a directory or its content is meant', () => {
  assert.deepEqual(['/a/', '/a/.', '/a', '.'].map(splitEnd), [
    { parent: '/', base: 'a' },
    { parent: '/a', base: '.' },
    { parent: '/', base: 'a' },
    { parent: '.', base: '.' },
  ])
  assert.equal(withEndOf('/a', 'a/'), '/a/')
  assert.equal(withEndOf('/a', 'a/.'), '/a/.')
  assert.deepEqual(resolvedEnd('/link/', '/dir'), { path: '/dir/', rebaseName: 'link' })
  assert.deepEqual(resolvedEnd('/link/.', '/dir'), { path: '/dir/.', rebaseName: '' })
})

test('what is there decides where an archive goes and what its top is called', () => {
  const [file, directory] = [place('/from/f', 'file'), place('/from/d', 'directory')]
  const into = { directory: '/to', rename: undefined }
  assert.deepEqual(targetOf(file, place('/to', 'directory')), into)
  assert.deepEqual(targetOf(directory, place('/to', 'directory')), into)
  assert.deepEqual(targetOf(file, place('/to/g', 'file')), { directory: '/to', rename: ['f', 'g'] })
  assert.deepEqual(targetOf(file, place('/to/g', 'missing')), { directory: '/to', rename: ['f', 'g'] })
  assert.deepEqual(targetOf(directory, place('/to/e/', 'missing')), { directory: '/to', rename: ['d', 'e'] })
  const content = place('/from/d/.', 'directory')
  assert.deepEqual(targetOf(content, place('/to/e', 'missing')), { directory: '/to', rename: ['.', 'e'] })
  assert.throws(() => targetOf(directory, place('/to/g', 'file')), { message: 'cannot copy directory' })
  for (const path of ['/to/g/', '/to/g/.', '']) {
    assert.throws(() => targetOf(file, place(path, 'missing')), { message: 'no such directory' })
  }
})

test('only the beginning of a name changes', () => {
  assert.equal(renamed('d/d/f', ['d', 'e']), 'e/d/f')
  assert.equal(renamed('./f', ['.', 'e']), 'e/f')
  assert.equal(renamed('/bin/sh', ['/', 'root']), 'root/bin/sh')
  assert.equal(renamed('d/f', undefined), 'd/f')
})
