// What is wrong with a text, in Go's words.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { describeSyntaxError } from './json-syntax.ts'

const cases: [string, string][] = [
  ['{', 'unexpected EOF'],
  ['x', "invalid character 'x' looking for beginning of value"],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 "b"}', `invalid character '"' after object key:value pair`],
  ['[1 2]', "invalid character '2' after array element"],
  ['[1,]', "invalid character ']' looking for beginning of value"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ['"a\nb"', "invalid character '\\n' in string literal"],
  ['"\\x"', "invalid character 'x' in string escape code"],
  ['"\\u12g"', "invalid character 'g' in \\u hexadecimal character escape"],
  ['nul1', "invalid character '1' in literal null (expecting 'l')"],
  ['-a', "invalid character 'a' in numeric literal"],
  ['1.a', "invalid character 'a' after decimal point in numeric literal"],
  ['1ex', "invalid character 'x' in exponent of numeric literal"],
  ['{} {}', 'unexpected content after JSON'],
]
for (const [text, message] of cases) test(JSON.stringify(text), () => assert.equal(describeSyntaxError(text), message))

test('whatever JSON.parse refuses is described', () => {
  const broken = fc.tuple(fc.json(), fc.nat(), fc.string()).map(([json, at, noise]) => json.slice(0, at) + noise)
  fc.assert(
    fc.property(fc.oneof(fc.string(), broken), text => {
      try {
        JSON.parse(text)
      } catch {
        assert.match(describeSyntaxError(text), /^(unexpected (EOF|content after JSON)|invalid character .*)$/s)
      }
    }),
  )
})

test('deep nesting is described without deep recursion', () => {
  assert.equal(describeSyntaxError('['.repeat(100_000)), 'exceeded max depth')
})
