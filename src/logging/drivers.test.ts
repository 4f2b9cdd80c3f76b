// Options of log drivers, tags and attributes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attributesOf } from './attributes.ts'
import { checkLogConfig, fileAttributes, isReadable, limitsOf } from './drivers.ts'
import { tagOf } from './tag.ts'
import { subject } from './testing.ts'

test('log files are bounded unless that was declined', () => {
  const megabytes = 1024 * 1024
  assert.deepEqual(limitsOf('json-file', {}), { maxSize: 20 * megabytes, maxFiles: 5, compress: false })
  assert.deepEqual(limitsOf('json-file', { 'max-size': '10m', 'max-file': '3', compress: 'true' }), {
    maxSize: 10_000_000,
    maxFiles: 3,
    compress: true,
  })
  assert.deepEqual(limitsOf('json-file', { 'max-size': '-1' }), { maxFiles: 1, compress: false })
  assert.deepEqual(limitsOf('local', {}), { maxSize: 20 * megabytes, maxFiles: 5, compress: true })
  assert.deepEqual(limitsOf('local', { 'max-size': '1k', compress: 'false', 'max-file': '1' }), {
    maxSize: 1000,
    maxFiles: 1,
    compress: false,
  })
  assert.equal(limitsOf('syslog', { 'cache-max-size': '1k' }).maxSize, 1000)
})

test('a tag is a template over facts of the container', () => {
  assert.equal(tagOf({}, subject, '{{.ID}}'), '0123456789ab')
  assert.equal(tagOf({}, subject, ''), '')
  const tag = '{{.Name}}/{{.ImageName}}/{{.ImageID}}/{{.Command}}/{{index .ContainerLabels "com"}}'
  assert.equal(tagOf({ tag }, subject, ''), 'web/busybox:latest/sha256:fffff/sh -c true/one')
  assert.throws(() => tagOf({ tag: '{{' }, subject, ''), /^GantryError: template: log-tag:1: unclosed action$/)
  assert.throws(() => tagOf({ tag: `{{${'('.repeat(1e5)}` }, subject, ''), { kind: 'invalid' })
  assert.ok(tagOf({ tag: '{{pad "x" 1000000000 -1}}' }, subject, '').length < 2000)
})

test('labels and variables are chosen by name and by pattern', () => {
  assert.deepEqual(attributesOf({ labels: 'com,none', env: 'B,ALONE' }, subject), { com: 'one', B: 'x=y' })
  const patterns = { 'labels-regex': '(?i)^COM[.]', 'env-regex': '^A' }
  assert.deepEqual(
    attributesOf(patterns, subject, name => `_${name}`),
    { '_com.example': 'two', _A: '1' },
  )
  assert.throws(() => attributesOf({ 'env-regex': '(' }, subject), { kind: 'invalid' })
})

test('a pattern made to take forever is given up', () => {
  const trap = { ...subject, labels: { [`${'a'.repeat(40)}!`]: '' } }
  assert.throws(() => attributesOf({ 'labels-regex': '^(a+)+$' }, trap), /takes too long/)
})

test('json-file has the tag only if asked, local has no attributes', () => {
  assert.deepEqual(fileAttributes('json-file', { labels: 'com' }, subject), { com: 'one' })
  assert.deepEqual(fileAttributes('json-file', { tag: '{{.Name}}' }, subject), { tag: 'web' })
  assert.deepEqual(fileAttributes('local', {}, subject), {})
})

test('none takes anything, and nothing can be read back', () => {
  checkLogConfig('none', { anything: 'x' })
  assert.equal(isReadable('none', {}), false)
  assert.throws(() => checkLogConfig('toString', {}), /no log driver named 'toString' is registered/)
})
