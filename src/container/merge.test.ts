// An image's defaults under a request.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decoder } from '../api/decode.ts'
import { ContainerConfig } from '../api/types/container.ts'
import { argumentsOf, mergeConfig } from './merge.ts'

const asked = decoder(ContainerConfig)
const image = { Entrypoint: ['entry'], Cmd: ['cmd'], Env: ['PATH=/bin', 'A=image'] }

const commands: readonly (readonly [object, string[]])[] = [
  [{}, ['entry', 'cmd']],
  [{ Cmd: ['mine'] }, ['entry', 'mine']],
  [{ Cmd: [] }, ['entry', 'cmd']],
  [{ Entrypoint: null }, ['entry', 'cmd']],
  [{ Entrypoint: [] }, ['cmd']],
  [{ Entrypoint: [], Cmd: ['mine'] }, ['mine']],
  [{ Entrypoint: ['own'] }, ['own']],
  [{ Entrypoint: ['own'], Cmd: ['mine'] }, ['own', 'mine']],
  [{ Entrypoint: [''], Cmd: ['mine'] }, ['mine']],
  [{ Entrypoint: 'own' }, ['own']],
]

for (const [request, argv] of commands) {
  test(`${JSON.stringify(request)} runs ${argv.join(' ')}`, () => {
    assert.deepEqual(argumentsOf(mergeConfig(asked(request), image)), argv)
  })
}

test('an entrypoint that was taken away leaves no command', () => {
  const config = mergeConfig(asked({ Entrypoint: [''] }), image)
  assert.equal(config.Entrypoint, null)
  assert.throws(() => argumentsOf(config), { kind: 'invalid', message: 'no command specified' })
})

test('variables of the request win, those of the image follow', () => {
  assert.deepEqual(mergeConfig(asked({ Env: ['A=mine', 'B'] }), image).Env, ['A=mine', 'B', 'PATH=/bin'])
})

test('labels, ports and volumes are united; what the request leaves empty is the image’s', () => {
  const defaults = {
    User: 'app',
    WorkingDir: '/w',
    StopSignal: 'SIGQUIT',
    Labels: { a: '1', b: '1' },
    ExposedPorts: { '80/tcp': {} },
    Volumes: { '/data': {} },
  }
  const request = asked({ Labels: { b: '2' }, ExposedPorts: { '90/udp': {} }, Volumes: { '/more': {} } })
  const { User, WorkingDir, StopSignal, Labels, ExposedPorts, Volumes } = mergeConfig(request, defaults)
  assert.deepEqual(
    { User, WorkingDir, StopSignal, Labels, ExposedPorts, Volumes },
    {
      ...defaults,
      Labels: { a: '1', b: '2' },
      ExposedPorts: { '80/tcp': {}, '90/udp': {} },
      Volumes: { '/data': {}, '/more': {} },
    },
  )
})

test('a health check inherits what it does not say', () => {
  const check = { Test: ['CMD', 'x'], Interval: 5, Retries: 3 }
  const merged = mergeConfig(asked({ Healthcheck: { Interval: 7 } }), { Healthcheck: check })
  assert.deepEqual(
    [merged.Healthcheck?.Test, merged.Healthcheck?.Interval, merged.Healthcheck?.Retries],
    [['CMD', 'x'], 7, 3],
  )
})
