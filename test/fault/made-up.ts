// Values made up from the API's own schemas: right, wrong and hostile.

import {
  type Arbitrary,
  array,
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

/** The parts of a JSON schema that the API's types consist of. */
export interface Node {
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

/** Text as it stands in requests, or near it. */
export const text = oneof(
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

/** A few fields at a time: of a request with many, only the first mistake is ever seen. */
export function structOf(properties: Readonly<Record<string, Node>>, odds: number): Arbitrary<unknown> {
  const names = Object.keys(properties)
  return subarray(names, { maxLength: Math.min(4, names.length) }).chain(chosen =>
    record(Object.fromEntries(chosen.map(name => [name, valueOf(properties[name] as Node, odds)]))),
  )
}

/** The body of a request by its schema, or, seldom, any JSON. */
export const bodyOf = (schema: unknown) =>
  oneof({ weight: 30, arbitrary: rightValue(schema as Node, 15) }, { weight: 1, arbitrary: jsonValue({ maxDepth: 3 }) })
