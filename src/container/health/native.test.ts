// Probes without a program: what may be asked for, and by which labels.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zero } from '../../api/decode.ts'
import { ContainerConfig } from '../../api/types/container.ts'
import { checkHealthcheck } from '../check-healthcheck.ts'
import { mergeConfig } from '../merge.ts'
import { healthCheckOf } from './check.ts'
import { failureAction } from './labels.ts'
import { parseNativeTarget } from './native-target.ts'

test('targets of the container’s own loopback', () => {
  const { protocol, addresses, port, host, path } = parseNativeTarget('http://localhost:8080/a/b?c=d')
  assert.deepEqual(
    [protocol, addresses, port, host, path],
    ['http', ['127.0.0.1', '::1'], 8080, 'localhost:8080', '/a/b?c=d'],
  )
  assert.deepEqual([parseNativeTarget('http://127.0.0.1').port, parseNativeTarget('http://127.0.0.1').path], [80, '/'])
  assert.deepEqual(parseNativeTarget('tcp://[::1]:6379').addresses, ['::1'])
  assert.equal(parseNativeTarget('http://localhost/a\r\nb: c').path, '/ab:%20c')
})

for (const text of [
  '',
  'localhost:80',
  'tcp://localhost',
  'tcp://localhost:0',
  'tcp://localhost:70000',
  'tcp://localhost:80/path',
  'https://localhost/',
  'file:///etc/passwd',
  'http://user:secret@localhost/',
  'http://example.com/',
  'http://169.254.169.254/latest',
  'http://[fd00::1]/',
  'http://127.0.0.1.example.com/',
  `http://localhost/${'x'.repeat(3000)}`,
]) {
  test(`${text.slice(0, 40)} is none`, () => assert.throws(() => parseNativeTarget(text), /invalid health check/))
}

const config = (more: Partial<ContainerConfig>): ContainerConfig => ({ ...zero(ContainerConfig), ...more })
const label = (url: string) => ({ 'gantry.healthcheck': url })
const tcp = 'tcp://localhost:1'
const http = 'http://localhost/'
const testOf = (asked: Partial<ContainerConfig>, image: object) => mergeConfig(config(asked), image).Healthcheck?.Test
const targetOf = (Test: string[]) => healthCheckOf({ config: config({ Healthcheck: { Test } }) })?.probe.target?.text

test('a label becomes the test; of image and request, the request is heeded', () => {
  assert.deepEqual(testOf({ Labels: label(tcp) }, {}), ['TCP', tcp])
  assert.deepEqual(testOf({ Labels: label(tcp), Healthcheck: { Test: ['CMD', 'x'] } }, {}), ['TCP', tcp])
  assert.deepEqual(testOf({}, { Labels: label(http), Healthcheck: { Test: ['CMD', 'x'] } }), ['HTTP', http])
  assert.deepEqual(testOf({ Labels: label(tcp) }, { Labels: label(http) }), ['TCP', tcp])
  assert.deepEqual(testOf({ Healthcheck: { Test: ['CMD', 'x'] } }, { Labels: label(http) }), ['CMD', 'x'])
  assert.deepEqual(testOf({ Healthcheck: { Test: ['NONE'] }, Labels: label(tcp) }, {}), ['NONE'])
  assert.equal(testOf({}, {}), undefined)
  assert.throws(() => testOf({ Labels: label('gopher://localhost:70') }, {}), /invalid health check/)
})

test('the test may be given as it is, with or without its scheme', () => {
  assert.equal(targetOf(['TCP', 'localhost:1']), tcp)
  assert.equal(targetOf(['TCP', tcp]), tcp)
  assert.equal(targetOf(['HTTP', http]), http)
  assert.throws(() => checkHealthcheck(config({ Healthcheck: { Test: ['TCP'] } })), /invalid health check/)
})

test('what is done about an unhealthy one', () => {
  assert.equal(failureAction(null), 'none')
  assert.equal(failureAction({ 'gantry.health-on-failure': 'restart' }), 'restart')
  assert.throws(() => failureAction({ 'gantry.health-on-failure': 'explode' }), /one of none, kill, restart, stop/)
})
