// The registry as it runs: what a reload takes, and that one that is wrong takes nothing.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { Agent, request } from 'undici'
import { temporaryDirectory } from '../content/testing.ts'
import type { Log } from '../lib/log.ts'
import { readConfig } from './config.ts'
import { RunningRegistry } from './registry.ts'

test('a reload with a certificate that is none leaves users as they were', async () => {
  using directory = temporaryDirectory()
  const path = (name: string) => join(directory.path, name)
  const form = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=test']
  execFileSync('openssl', [...form, '-keyout', path('key'), '-out', path('certificate')], { stdio: 'ignore' })
  const configure = (password: string) => {
    const users = { ann: hashSync(password, 4) }
    const tls = { certificate: 'certificate', key: 'key' }
    writeFileSync(path('yaml'), JSON.stringify({ root: 'root', listen: '127.0.0.1:0', users, tls }))
    return () => readConfig({ config: path('yaml') })
  }
  const said: { fields: object; message: string }[] = []
  const say = (fields: object, message: string) => void said.push({ fields, message })
  const log: Log = { debug() {}, info: say, warn: say, error: say }
  await using registry = await RunningRegistry.start(configure('former')(), log)
  const [{ fields } = { fields: {} }] = said.filter(({ message }) => message === 'The registry is ready')
  const { port } = (fields as { address: { port: number } }).address
  await using undo = new AsyncDisposableStack()
  const dispatcher = undo.adopt(new Agent({ connect: { rejectUnauthorized: false } }), agent => agent.close())
  const statusFor = async (password: string) => {
    const authorization = `Basic ${btoa(`ann:${password}`)}`
    const { statusCode, body } = await request(`https://127.0.0.1:${port}/v2/`, {
      headers: { authorization },
      dispatcher,
    })
    await body.dump()
    return statusCode
  }
  await registry.reload(configure('later'))
  assert.deepEqual([await statusFor('former'), await statusFor('later')], [401, 200])
  writeFileSync(path('certificate'), 'no certificate')
  await registry.reload(configure('wrong'))
  assert.match(said.at(-1)?.message ?? '', /not reloaded/)
  assert.deepEqual([await statusFor('later'), await statusFor('wrong')], [200, 401])
})
