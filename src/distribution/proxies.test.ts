// Proxies are chosen as Go's programs choose them.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proxyFor } from './proxies.ts'

const settings = { httpProxy: 'proxy.example:3128', httpsProxy: 'http://secure.example:3128', noProxy: '' }
const choose = (url: string, noProxy = '') => proxyFor({ ...settings, noProxy }, new URL(url))

const isDirect = (host: string, noProxy: string) => choose(`https://${host}/`, noProxy) === undefined

test('one for HTTP and one for HTTPS', () => {
  assert.equal(choose('http://a.example/'), 'http://proxy.example:3128')
  assert.equal(choose('https://a.example/'), settings.httpsProxy)
  const onlyHttp = { ...settings, httpsProxy: '' }
  assert.equal(proxyFor(onlyHttp, new URL('https://a.example/')), undefined)
})

test('never for this machine', () => {
  for (const host of ['localhost:5000', '127.0.0.1', '127.9.9.9:80', '[::1]:5000', 'a.localhost']) {
    assert.equal(choose(`https://${host}/`), undefined, host)
  }
})

test('not for what is excepted', () => {
  for (const [host, noProxy] of [
    ['a.example', '*'],
    ['a.example', 'x.example, A.example'],
    ['b.a.example', 'a.example'],
    ['b.a.example', '.a.example'],
    ['b.a.example', '*.a.example'],
    ['a.example:5000', 'a.example:5000'],
    ['a.example', 'a.example:443'],
    ['10.1.2.3', '10.0.0.0/8'],
    ['10.1.2.3:5000', '10.1.2.3'],
    ['[fd00::1]:5000', 'fd00::/8'],
    ['[fd00::1]', 'fd00::1'],
    ['[fd00::1]:5000', '[fd00::1]:5000'],
  ] as const) {
    assert.ok(isDirect(host, noProxy), `${host} ${noProxy}`)
  }
  for (const [host, noProxy] of [
    ['aa.example', 'a.example'],
    ['a.example', '.a.example'],
    ['a.example:5001', 'a.example:5000'],
    ['11.1.2.3', '10.0.0.0/8'],
    ['a.example', '10.0.0.0/8,,'],
    ['10.1.2.30', '10.1.2.3'],
  ] as const) {
    assert.ok(!isDirect(host, noProxy), `${host} ${noProxy}`)
  }
})
