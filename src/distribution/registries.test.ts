// Registries as a whole: other settings, and the end.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseReference } from '../oci/reference.ts'
import { Registries } from './registries.ts'
import { answer, plainSettings, serve } from './testing.ts'

test('the end ends what is under way, also by settings that count no more', async () => {
  const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let count = 0
  await using silent = await serve((_request, response, { pathname }) =>
    pathname === '/v2/' ? answer(response, 200, {}) : asked[count++]?.resolve(),
  )
  const registries = new Registries(plainSettings)
  const read = () => {
    const reading = registries
      .open(parseReference(`${silent.host}/a`), undefined, 'pull')
      .tags()
      .next()
    reading.catch(() => {})
    return reading
  }
  const former = read()
  await asked[0]?.promise
  registries.reconfigure({ ...plainSettings, userAgent: 'other' })
  const present = read()
  await asked[1]?.promise
  await registries[Symbol.asyncDispose]()
  await assert.rejects(former, { kind: 'unavailable' })
  await assert.rejects(present, { kind: 'unavailable' })
})
