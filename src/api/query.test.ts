// Query strings: Go's rules for each kind of parameter.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from '../lib/errors.ts'
import { dimension, flag, integer, parseQuery, platform, readQuery, text, texts, timestamp } from './query.ts'
import { routes } from './routes/all.ts'

const read = <T>(parameter: { read(values: readonly string[] | undefined, name: string): T }, ...values: string[]): T =>
  parameter.read(values.length === 0 ? undefined : values, 'x')

test('a boolean is true unless it is empty, 0, no, false or none', () => {
  for (const no of ['', '0', 'no', 'false', 'none', 'False', ' NO ']) assert.equal(read(flag(), no), false, no)
  for (const yes of ['1', 'true', 'yes', 'on', 'x']) assert.equal(read(flag(), yes), true, yes)
  assert.equal(read(flag()), false)
  assert.equal(read(flag(true)), true)
  assert.equal(read(flag(true), ''), false)
})

test('an integer is read as by Atoi', () => {
  assert.equal(read(integer(), '-1'), -1)
  assert.equal(read(integer(), ''), undefined)
  assert.throws(() => read(integer(), '1x'), { kind: 'invalid', message: 'strconv.Atoi: parsing "1x": invalid syntax' })
  assert.throws(() => read(integer(), '9223372036854775808'), /value out of range/)
})

test('a terminal needs both dimensions', () => {
  assert.equal(read(dimension('height'), '24'), 24)
  assert.throws(() => read(dimension('height')), { message: 'invalid resize height "": invalid syntax' })
  assert.throws(() => read(dimension('width'), '-1'), { message: 'invalid resize width "-1": value out of range' })
  assert.throws(() => read(dimension('width'), '4294967296'), /value out of range/)
})

test('a time may have a fraction of up to nine digits', () => {
  assert.equal(read(timestamp(), '1.5'), 1_500_000_000n)
  assert.equal(read(timestamp(), '1700000000.000000001'), 1_700_000_000_000_000_001n)
  assert.equal(read(timestamp()), undefined)
  assert.throws(() => read(timestamp(), 'yesterday'), { kind: 'invalid' })
})

test('a platform is JSON with an OS and an architecture', () => {
  assert.equal(read(platform(), '{"os":"linux","architecture":"arm64"}')?.architecture, 'arm64')
  assert.throws(() => read(platform(), '{"os":"linux"}'), { message: 'both OS and Architecture must be provided' })
  assert.throws(() => read(platform(), '{', '{'), { message: 'multiple platform parameters not supported' })
})

test('queries are unescaped, and repeated names kept in order', () => {
  const values = parseQuery('a=1&b=x+y%2Fz&a=2&c&%C3%A9=%ff')
  const query = readQuery({ a: texts(), b: text(), c: flag(true), é: text(), d: text() }, values)
  assert.deepEqual(query, { a: ['1', '2'], b: 'x y/z', c: false, é: '\uFFFD', d: '' })
})

test('wrong escapes are refused as Go refuses them', () => {
  assert.throws(() => parseQuery('a=%zz'), { kind: 'invalid', message: 'invalid URL escape "%zz"' })
  assert.throws(() => parseQuery('a=%4'), { message: 'invalid URL escape "%4"' })
  assert.throws(() => parseQuery('a=1;b=2'), { message: 'invalid semicolon separator in query' })
})

test('no query makes any route fail with anything but invalid', () => {
  const names = [...new Set(Object.values(routes).flatMap(route => Object.keys(route.query)))]
  const pair = fc.tuple(fc.constantFrom(...names), fc.oneof(fc.string(), fc.json(), fc.constantFrom('1', '%', '+')))
  fc.assert(
    fc.property(fc.array(pair), fc.boolean(), (pairs, escaped) => {
      const query = pairs.map(
        ([name, value]) => `${name}=${escaped ? encodeURIComponent(value.toWellFormed()) : value}`,
      )
      for (const route of Object.values(routes)) {
        try {
          readQuery(route.query, parseQuery(query.join('&')))
        } catch (error) {
          assert.equal(kindOf(error), 'invalid')
        }
      }
    }),
  )
})
