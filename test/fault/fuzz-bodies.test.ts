// Bodies made up from the API's own schemas, right, wrong and hostile: the engine answers each, and never by a 5xx.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Arbitrary,
  assert as holds,
  array,
  asyncProperty,
  boolean,
  constant,
  constantFrom,
  dictionary,
  jsonValue,
  oneof,
  record,
  string,
  subarray,
  tuple,
} from 'fast-check'

import { ContainerCreateRequest, ContainerUpdateRequest, HostConfig } from '../../src/api/types/container.ts'
import { ExecCreateRequest, ExecStartRequest } from '../../src/api/types/exec.ts'
import { VolumeCreateRequest } from '../../src/api/types/volume.ts'
import { type Answer, call, create, start } from '../e2e/api.ts'
import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import type { Gantryd } from '../kit/gantryd.ts'

/** The parts of a JSON schema that the API's types consist of. */
interface Node {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Node>>
  readonly patternProperties?: Readonly<Record<string, Node>>
  readonly items?: Node | readonly Node[]
  readonly anyOf?: readonly Node[]
}

// Nothing that would be made on the host: paths are of what is there, or relative.
const words = [
  '',
  'busybox',
  'host',
  'none',
  'bridge',
  'private',
  'shareable',
  'container:',
  'container:runs',
  'container:nothing',
  'always',
  'on-failure',
  'json-file',
  'runc',
  'crun',
  'local',
  'volume',
  'bind',
  'tmpfs',
  'image',
  'rprivate',
  'default',
  '0-1',
  '0',
  '-1',
  '1e9',
  '80/tcp',
  '80-90',
  '99999999999999999999',
  '/dev/null',
  '/etc/passwd',
  '/etc/passwd/x',
  '/proc/self/fd/3',
  '/dev/null:/x:rwm',
  'name:/x:ro',
  'name:/..',
  '..',
  'A=b',
  '=',
  'a\0b',
  '\u0000',
  'ü\u202e😀',
  'x'.repeat(5000),
  'sha256:../../x',
  'c 1:3 rwm',
  'a *:* rwm',
  'nofile',
  'SIGRTMIN+99',
  '__proto__',
  'CMD-SHELL',
  'NONE',
  'ALL',
  'seccomp={',
  'no-new-privileges',
  'label=disable',
  '1.2.3.4',
  '::1',
  '02:42:00:00:00:09',
  'net.ipv4.ip_forward',
  'kernel.shm_rmid_forced',
]

const text = oneof(
  { weight: 5, arbitrary: constantFrom(...words) },
  { weight: 1, arbitrary: string({ unit: constantFrom(...'ab:=.,-% \n') }) },
)
const number = constantFrom(0, 1, -1, 7, 6 << 20, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 65_535, 1001, -1001, 1.5, 1e300)
const wrong = oneof(text, number, boolean(), constant(null), constant([]), constant({}), constant([[{}]]))

/** Values of a schema; in about one of `odds` places something else. */
function valueOf(node: Node, odds: number): Arbitrary<unknown> {
  return oneof({ weight: odds, arbitrary: rightValue(node, odds) }, { weight: 1, arbitrary: wrong })
}

function rightValue(node: Node, odds: number): Arbitrary<unknown> {
  if (node.anyOf) return oneof(...node.anyOf.map(choice => valueOf(choice, odds)))
  if (node.properties) return structOf(node.properties, odds)
  const [values] = Object.values(node.patternProperties ?? {})
  if (values) return dictionary(text, valueOf(values, odds), { maxKeys: 3 })
  if (Array.isArray(node.items)) return tuple(...node.items.map(item => valueOf(item as Node, odds)))
  if (node.items) return array(valueOf(node.items as Node, odds), { maxLength: 3 })
  if (node.type === 'string') return text
  if (node.type === 'integer') return number
  return node.type === 'boolean' ? boolean() : constant(null)
}

// A few fields at a time: of a request with many, only the first mistake is ever seen.
function structOf(properties: Readonly<Record<string, Node>>, odds: number): Arbitrary<unknown> {
  const names = Object.keys(properties)
  return subarray(names, { maxLength: Math.min(4, names.length) }).chain(chosen =>
    record(Object.fromEntries(chosen.map(name => [name, valueOf(properties[name] as Node, odds)]))),
  )
}

const bodyOf = (schema: unknown) =>
  oneof({ weight: 30, arbitrary: rightValue(schema as Node, 15) }, { weight: 1, arbitrary: jsonValue({ maxDepth: 3 }) })

// Most of what can be wrong is in the HostConfig.
const createBody = oneof(bodyOf(ContainerCreateRequest), record({ HostConfig: bodyOf(HostConfig) }))

function assertAnswered({ status, text: answer }: Answer) {
  assert.ok(status < 500, `${status} ${answer}`)
  if (status >= 400) assert.match(answer, /^\{"message":".+"\}\n?$/s)
}

async function fuzz<T>(body: Arbitrary<T>, numRuns: number, send: (body: T) => Promise<void>) {
  await holds(asyncProperty(body, send), { numRuns, endOnFailure: false })
}

const listed = (engine: Gantryd) => engine.ok(['ps', '--all', '--quiet', '--no-trunc'])

test('made-up bodies', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  await create(engine, 'runs', { Cmd: ['sleep', '600'], HostConfig: { Memory: 64 << 20 } })
  await start(engine, 'runs')

  await suite.test(
    'of create: a refused one leaves nothing, and what was created can be inspected and removed',
    async () => {
      const before = await listed(engine)
      await fuzz(createBody, 500, async body => {
        const image =
          typeof body === 'object' && body !== null && !Array.isArray(body) ? { Image: 'busybox', ...body } : body
        const answer = await call(engine, 'POST', '/containers/create', image)
        assertAnswered(answer)
        if (answer.status !== 201) return assert.equal(await listed(engine), before)
        const { Id: id } = answer.body as { Id: string }
        assert.equal((await call(engine, 'GET', `/containers/${id}/json`)).status, 200)
        assert.equal((await call(engine, 'DELETE', `/containers/${id}?v=1`)).status, 204)
      })
    },
  )

  await suite.test('of update', async () => {
    await fuzz(bodyOf(ContainerUpdateRequest), 300, async body =>
      assertAnswered(await call(engine, 'POST', '/containers/runs/update', body)),
    )
  })

  await suite.test('of exec', async () => {
    await fuzz(tuple(bodyOf(ExecCreateRequest), bodyOf(ExecStartRequest)), 60, async ([request, startRequest]) => {
      const made = await call(engine, 'POST', '/containers/runs/exec', request)
      assertAnswered(made)
      if (made.status !== 201) return
      const { Id: id } = made.body as { Id: string }
      const detached = typeof startRequest === 'object' ? { ...startRequest, Detach: true } : startRequest
      assertAnswered(await call(engine, 'POST', `/exec/${id}/start`, detached))
    })
  })

  await suite.test('of volumes', async () => {
    await fuzz(bodyOf(VolumeCreateRequest), 60, async body =>
      assertAnswered(await call(engine, 'POST', '/volumes/create', body)),
    )
    await engine.ok(['volume', 'prune', '--force', '--all'])
  })

  await suite.test('the daemon is as well as before', async () => {
    assert.equal(await engine.ok(['exec', 'runs', 'echo', 'well']), 'well')
    assert.equal(await engine.ok(['inspect', 'runs', '--format', '{{.State.Running}}']), 'true')
  })
})
