// Decoding as Go does: what comes out, and that no input makes it fail with anything but `invalid`.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { kindOf } from '../lib/errors.ts'
import { decoder, zero } from './decode.ts'
import { ContainerCreateRequest, HostConfig } from './types/container.ts'

const decode = decoder(ContainerCreateRequest)

test('keys match in any case, unknown keys are ignored and null is zero', () => {
  const body = decode({ image: 'busybox', ENV: ['A=b'], tty: null, Bogus: { x: 1 }, hostconfig: { memory: 5 } })
  assert.equal(body.Image, 'busybox')
  assert.deepEqual(body.Env, ['A=b'])
  assert.equal(body.Tty, false)
  assert.equal(body.HostConfig?.Memory, 5)
  assert.ok(!('Bogus' in body))
})

test('an empty list, null and a lone word stay apart where that matters', () => {
  assert.deepEqual(decode({ Entrypoint: [] }).Entrypoint, [])
  assert.equal(decode({ Entrypoint: null }).Entrypoint, null)
  assert.deepEqual(decode({ Cmd: 'ls -l' }).Cmd, ['ls -l'])
})

test('fields with omitempty are left out at zero, except those that are pointers in Go', () => {
  assert.ok(!('StopSignal' in decode({ StopSignal: '' })))
  assert.ok(!('ExposedPorts' in decode({ ExposedPorts: {} })))
  assert.equal(decode({ StopTimeout: 0 }).StopTimeout, 0)
  assert.equal(decode({ HostConfig: { Init: false } }).HostConfig?.Init, false)
  assert.ok(!('Init' in (decode({ HostConfig: { Init: null } }).HostConfig ?? {})))
})

test('the largest 64-bit integers survive being written again', () => {
  const memory = decode(JSON.parse('{"HostConfig":{"Memory":9223372036854775807}}')).HostConfig?.Memory ?? 0
  assert.ok(BigInt(JSON.stringify(memory)) <= 2n ** 63n - 1n)
})

test('keys of dictionaries come out sorted, __proto__ like any other', () => {
  const labels = decode(JSON.parse('{"Labels":{"b":"1","__proto__":"2","a":"3"}}')).Labels ?? {}
  assert.deepEqual(Object.keys(labels), ['__proto__', 'a', 'b'])
  assert.equal(Object.getPrototypeOf(labels), Object.prototype)
})

const mismatches: [unknown, string][] = [
  [{ HostConfig: { Memory: 'x' } }, 'string into Go struct field HostConfig.HostConfig.Memory of type int64'],
  [{ HostConfig: { Memory: 1.5 } }, 'number 1.5 into Go struct field HostConfig.HostConfig.Memory of type int64'],
  [
    { HostConfig: { BlkioWeight: 65536 } },
    'number 65536 into Go struct field HostConfig.HostConfig.BlkioWeight of type uint16',
  ],
  [{ Env: {} }, 'object into Go struct field CreateRequest.Env of type []string'],
  [{ Cmd: 5 }, 'number into Go struct field CreateRequest.Cmd of type string'],
  [[], 'array into Go value of type CreateRequest'],
]
for (const [body, message] of mismatches) {
  test(`refuses ${JSON.stringify(body)}`, () => {
    assert.throws(() => decode(body), { kind: 'invalid', message: `json: cannot unmarshal ${message}` })
  })
}

test('any JSON is decoded or refused as invalid', () => {
  const keys = fc.constantFrom('Image', 'HostConfig', 'Env', 'hostconfig', 'Healthcheck', 'Volumes', 'Mounts', 'Memory')
  const { value } = fc.letrec(tie => ({
    value: fc.oneof({ maxDepth: 4 }, fc.jsonValue(), fc.dictionary(keys, tie('value')), fc.array(tie('value'))),
  }))
  fc.assert(
    fc.property(value, input => {
      try {
        const body = decode(input)
        assert.deepEqual(decode(JSON.parse(JSON.stringify(body))), body)
      } catch (error) {
        assert.equal(kindOf(error), 'invalid')
      }
    }),
  )
})

test('zero has every required field, anew each time', () => {
  const config = zero(HostConfig)
  assert.equal(config.Memory, 0)
  assert.equal(config.Binds, null)
  assert.deepEqual(config.RestartPolicy, { Name: '', MaximumRetryCount: 0 })
  assert.notEqual(zero(HostConfig).RestartPolicy, config.RestartPolicy)
})
