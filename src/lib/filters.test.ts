// Filters in both wire forms, and patterns that must not hold up the daemon.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from './errors.ts'
import { Filters } from './filters.ts'

test('both forms read the same', () => {
  for (const json of ['{"status":["a","b"]}', '{"status":{"a":true,"b":true,"c":false}}']) {
    const filters = Filters.parse(json)
    assert.deepEqual(filters.get('status'), ['a', 'b'])
    assert.ok(filters.has('status'))
  }
  assert.deepEqual(Filters.parse('').names(), [])
  assert.deepEqual(Filters.parse('null').names(), [])
})

test('anything else is an invalid filter', () => {
  for (const json of ['[]', '1', '{', '{"a":"b"}', '{"a":[1]}', '{"a":{"b":"c"}}']) {
    assert.throws(() => Filters.parse(json), { kind: 'invalid', message: 'invalid filter' }, json)
  }
})

test('what is written can be read again', () => {
  const values = fc.dictionary(fc.string(), fc.uniqueArray(fc.string()))
  fc.assert(
    fc.property(values, given => {
      const filters = new Filters(Object.entries(given))
      const again = Filters.parse(filters.toString())
      assert.deepEqual(again.names().toSorted(), filters.names().toSorted())
      for (const name of filters.names()) assert.deepEqual(again.get(name).toSorted(), filters.get(name).toSorted())
    }),
  )
})

test('no text makes parsing fail with anything but invalid', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), json => {
      try {
        Filters.parse(json)
      } catch (error) {
        assert.equal(kindOf(error), 'invalid')
      }
    }),
  )
})

test('names match as patterns, ids by their beginning, labels by key or pair', () => {
  const filters = Filters.parse('{"name":["^/web[0-9]$","["],"id":["ab"],"label":["a","b=1"]}')
  assert.ok(filters.matches('name', '/web1'))
  assert.ok(!filters.matches('name', '/web12'))
  assert.ok(filters.matchesPrefix('id', 'abc'))
  assert.ok(!filters.matchesPrefix('id', 'cab'))
  assert.ok(filters.matchesLabels('label', { a: '', b: '1' }))
  assert.ok(!filters.matchesLabels('label', { a: '', b: '2' }))
  assert.ok(!filters.matchesLabels('label', null))
  assert.ok(filters.matches('absent', 'anything'))
})

test('a pattern made to backtrack takes no time', () => {
  const filters = Filters.parse(JSON.stringify({ name: ['(a+)+$'] }))
  const start = performance.now()
  assert.ok(!filters.matches('name', `${'a'.repeat(5000)}b`))
  assert.ok(performance.now() - start < 1000)
})

const flag = (json: string) => Filters.parse(json).flag('dangling', false)

test('a flag must be one or the other', () => {
  assert.equal(flag('{}'), false)
  assert.equal(flag('{"dangling":["true"]}'), true)
  assert.equal(flag('{"dangling":{"1":true}}'), true)
  assert.throws(() => flag('{"dangling":["maybe"]}'), { message: "invalid filter 'dangling=[maybe]'" })
  assert.throws(() => flag('{"dangling":["0","1"]}'), { kind: 'invalid' })
})

test('names that an operation does not know are refused', () => {
  assert.throws(() => Filters.parse('{"bogus":["1"]}').validate(['name']), { message: "invalid filter 'bogus'" })
})
