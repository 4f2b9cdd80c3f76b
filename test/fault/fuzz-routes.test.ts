// Every route of the API with made-up names, queries and bodies: the engine answers each, and never by a 5xx.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Arbitrary,
  array,
  assert as holds,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  dictionary,
  jsonValue,
  oneof,
  record,
  string,
} from 'fast-check'

import type { Parameter } from '../../src/api/query.ts'
import type { Route } from '../../src/api/route.ts'
import { type OperationId, routes } from '../../src/api/routes/all.ts'
import { type Answer, ask, call } from '../e2e/api.ts'
import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { bodyOf, text } from './made-up.ts'

const excluded: Partial<Readonly<Record<OperationId, string>>> = {
  ImageCreate: 'asks registries',
  ImagePush: 'asks registries',
  DistributionInspect: 'asks registries',
  SystemAuth: 'asks registries',
  ContainerWait: 'may wait for ever; fuzz-bodies.test.ts',
  ExecStart: 'takes the connection over; fuzz-bodies.test.ts',
}

/** What has to stand in a query so that the answer ends. */
const fixed: Partial<Readonly<Record<OperationId, Readonly<Record<string, string>>>>> = {
  SystemEvents: { until: '1' },
  ContainerStats: { stream: '0', 'one-shot': '1' },
  ContainerLogs: { follow: '0' },
  // Without an end is -1.
  ContainerStop: { t: '0' },
  ContainerRestart: { t: '0' },
}

const filterName = constantFrom(
  ...'ancestor before container dangling driver event exited expose health id image is-task label label! name network'.split(
    ' ',
  ),
  ...'publish reference scope since status type until volume all nothing __proto__ constructor'.split(' '),
)
const filterText = oneof(
  { weight: 3, arbitrary: text },
  {
    weight: 1,
    arbitrary: constantFrom('true', 'false', '0', '1h', '[', '(a+)+$', '2999-01-01', 'running', 'healthy', '80/tcp'),
  },
)
const filters = oneof(
  { weight: 4, arbitrary: dictionary(filterName, array(filterText, { maxLength: 3 }), { maxKeys: 3 }).map(toJson) },
  { weight: 2, arbitrary: dictionary(filterName, dictionary(filterText, boolean(), { maxKeys: 3 })).map(toJson) },
  { weight: 1, arbitrary: jsonValue({ maxDepth: 3 }).map(toJson) },
  { weight: 1, arbitrary: text },
)
const platform = oneof(
  constantFrom('{"os":"linux","architecture":"amd64"}', '{"os":1}', 'linux/amd64', '{"os":"\\u0000"}', '[]', 'null'),
  text,
)

function toJson(value: unknown): string {
  return JSON.stringify(value)
}

function valueOf(name: string, { type }: Parameter<unknown>): Arbitrary<string> {
  if (name === 'container') return oneof(constant('spare'), text)
  if (type === 'filters') return filters
  if (type === 'platform') return platform
  return oneof(text, constantFrom('0', '1', 'true', '-1', '1.5', '1e9', '99999999999999999999'))
}

function queryOf({ query }: Route): Arbitrary<readonly (readonly [string, string])[]> {
  const lists = Object.entries(query).map(([name, parameter]) =>
    array(
      valueOf(name, parameter).map(value => [name, value] as const),
      { maxLength: parameter.repeated ? 3 : 2 },
    ),
  )
  return lists.length === 0
    ? constant([])
    : record(Object.fromEntries(lists.entries())).map(all => Object.values(all).flat())
}

// What others need is only looked at.
const names = (method: string) =>
  constantFrom('spare', 'spare:1', 'nothing', ...(method === 'GET' ? ['runs', 'busybox'] : []))

const pathOf = (route: Route): Arbitrary<string> =>
  record({ name: oneof({ weight: 4, arbitrary: names(route.method) }, { weight: 1, arbitrary: madeUpName }) }).map(
    ({ name }) => route.path.replaceAll(/\{\w+\}/g, name),
  )

// None is the beginning of an id.
const madeUpName = oneof(text, string({ unit: 'binary' })).map(name => encodeURIComponent(`${name.toWellFormed()}x`))

function bodyFor({ body }: Route): Arbitrary<unknown> {
  if (body.kind === 'json') return bodyOf(body.schema)
  return body.kind === 'stream' ? oneof(text, jsonValue({ maxDepth: 2 })) : constant(undefined)
}

/** A stopped container and a tag that anything may happen to. */
async function provide(engine: Gantryd, image: string) {
  await call(engine, 'POST', `/images/${image}/tag?repo=spare&tag=1`)
  await call(engine, 'POST', '/containers/create?name=spare', { Image: image, Cmd: ['sleep', '600'], StopTimeout: 0 })
}

function assertAnswered(method: string, { status, text: answer }: Answer) {
  // 501 is what dockerd says to checkpoints unless it is experimental.
  assert.ok(status < 500 || status === 501, `${status} ${answer}`)
  if (status >= 400 && method !== 'HEAD') assert.match(answer, /^\{"message":".+"\}\n?$/s)
}

test('every route with made-up names, queries and bodies', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const { Id: image } = await ask<{ Id: string }>(engine, 'GET', '/images/busybox/json')
  await engine.ok(['run', '--detach', '--name', 'runs', 'busybox', 'sleep', '600'])
  for (const [id, route] of Object.entries(routes) as [OperationId, Route][]) {
    if (excluded[id] !== undefined || route.hijacks) continue
    await suite.test(id, async () => {
      const request = record({ path: pathOf(route), query: queryOf(route), body: bodyFor(route) })
      const property = asyncProperty(request, async ({ path, query, body }) => {
        await provide(engine, image)
        const parameters = new URLSearchParams(query.map(([name, value]) => [name, value]))
        for (const [name, value] of Object.entries(fixed[id] ?? {})) parameters.set(name, value)
        assertAnswered(route.method, await call(engine, route.method, `${path}?${parameters}`, body, 'v1.51'))
      })
      await holds(property, { numRuns: 60, endOnFailure: false })
    })
  }
  await suite.test('the daemon is as well as before', async () => {
    assert.equal(await engine.ok(['exec', 'runs', 'echo', 'well']), 'well')
  })
})
