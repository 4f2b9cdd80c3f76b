// CDI specifications: found in their directories, refused if they can't be done, applied to a container.

import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { anything, assert as holds, property } from 'fast-check'
import { GantryError } from '../../lib/errors.ts'
import type { RuntimeSpec } from '../../oci/runtime-spec.ts'
import { findDevices } from './devices.ts'
import { isQualifiedName, readDocument } from './document.ts'
import { injectEdits } from './inject.ts'

const document = (kind: string, devices: Record<string, object>, edits: object = {}) => ({
  cdiVersion: '0.6.0',
  kind,
  containerEdits: edits,
  devices: Object.entries(devices).map(([name, containerEdits]) => ({ name, containerEdits })),
})

const edits = (containerEdits: object) => document('v.com/a', { one: containerEdits })

const valued = (value: string) => JSON.stringify(edits({ env: [`A=${value}`] }))

const refused = (value: unknown, why: RegExp) => throws(() => readDocument(value), why)

/** Throws if reading fails in any other way than by refusing. */
function reads(value: unknown) {
  try {
    readDocument(value)
  } catch (error) {
    if (!(error instanceof GantryError)) throw error
  }
}

/** Directories with files, by `directory/file`. */
function files(texts: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'gantry-cdi-'))
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const directories = [join(root, 'etc'), join(root, 'run'), join(root, 'none')]
  return { directories, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}

const variables = async (names: readonly string[], directories: readonly string[]) =>
  (await findDevices(names, directories)).flatMap(({ env }) => env)

describe('names of devices', () => {
  it('have a vendor, a class and a name', () => {
    for (const name of ['nvidia.com/gpu=all', 'a/b=0', 'vendor.com/class-x=GPU-1:2.3_4'])
      equal(isQualifiedName(name), true, name)
    for (const name of ['/dev/null', 'a/b', 'a/b=', '=c', '1/b=c', 'a/b=-c', 'a/b=c-', 'a/b/c=d', 'a./b=c'])
      equal(isQualifiedName(name), false, name)
  })
})

describe('finding devices', () => {
  it('reads JSON and YAML, and takes what all need once', async () => {
    using place = files({
      'etc/a.json': JSON.stringify(
        document('v.com/a', { one: { env: ['A=1'] }, two: { env: ['A=2'] } }, { env: ['ALL=1'] }),
      ),
      'run/b.yaml': 'cdiVersion: "0.5.0"\nkind: v.com/b\ndevices:\n- name: "0"\n  containerEdits:\n    env: [B=0]\n',
      'run/notes.txt': 'not a specification',
    })
    const names = ['v.com/a=one', 'v.com/b=0', 'v.com/a=two', 'v.com/a=one']
    deepEqual(await variables(names, place.directories), ['ALL=1', 'A=1', 'B=0', 'A=2'])
  })

  it('prefers later directories, and refuses two of a kind in one', async () => {
    using place = files({ 'etc/a.json': valued('etc'), 'etc/b.json': valued('b'), 'run/a.json': valued('run') })
    deepEqual(await variables(['v.com/a=one'], place.directories), ['A=run'])
    await rejects(
      variables(['v.com/a=one'], place.directories.slice(0, 1)),
      /unresolvable CDI devices v\.com\/a=one \(v\.com\/a=one is in .*a\.json and .*b\.json\)/,
    )
  })

  it('tells of files that can not be read to those alone who miss a device', async () => {
    using place = files({
      'etc/bad.json': '{',
      'etc/bad.yaml': 'a: [',
      'etc/good.json': JSON.stringify(document('v.com/a', { one: { env: ['A=1'] } })),
    })
    deepEqual(await variables(['v.com/a=one'], place.directories), ['A=1'])
    await rejects(
      variables(['v.com/a=one', 'v.com/a=two', 'x/y=z'], place.directories),
      /^GantryError: CDI device injection failed: unresolvable CDI devices v\.com\/a=two, x\/y=z \(.*bad\.json: .*; .*bad\.yaml: /,
    )
  })
})

describe('a specification', () => {
  it('is refused for what it lacks and for what is not known', () => {
    refused([], /is not an object/)
    refused({ ...edits({}), cdiVersion: '2.0.0' }, /cdiVersion "2.0.0" is not known/)
    refused({ ...edits({}), kind: 'nothing' }, /not of the form vendor\/class/)
    refused(document('v.com/a', {}), /there are no devices/)
    refused(document('v.com/a', { '-': {} }), /can't be the name/)
    refused(edits({ intelRdt: {} }), /"intelRdt" in containerEdits is not known/)
    refused(edits({ env: ['A'] }), /not of the form NAME=value/)
    refused(edits({ deviceNodes: [{ path: 'dev/x' }] }), /not absolute/)
    refused(edits({ deviceNodes: [{ path: '/x', permissions: 'q' }] }), /not of r, w, m/)
    refused(edits({ deviceNodes: [{ path: '/x', type: 'z' }] }), /not one of b, c, u, p/)
    refused(edits({ deviceNodes: [{ path: '/x', major: -1 }] }), /not a number/)
    refused(edits({ mounts: [{ hostPath: '/x' }] }), /containerPath is not a text/)
    refused(edits({ hooks: [{ hookName: 'never', path: '/x' }] }), /"never" is not the name of a hook/)
  })

  it('is read or refused, whatever it is', () => {
    holds(
      property(anything(), anything(), (value, inner) => (reads(value), reads(edits({ env: inner, mounts: inner })))),
    )
  })
})

describe('edits', () => {
  const spec = {
    process: { user: { uid: 5, gid: 6, additionalGids: [7] }, env: ['A=0', 'B=1'] },
    mounts: [{ destination: '/lib/x', type: 'bind', source: '/old', options: [] }],
    linux: { resources: { devices: [{ allow: false, access: 'rwm' }] } },
  } as unknown as RuntimeSpec
  const inject = (containerEdits: object) =>
    injectEdits(spec, [...readDocument(document('v.com/a', { one: containerEdits })).devices.values()])

  it('add to and replace what is there', () => {
    const result = inject({
      env: ['A=2'],
      additionalGids: [7, 8, 0],
      deviceNodes: [
        { path: '/dev/made', hostPath: '/dev/null', permissions: 'rw' },
        { path: '/dev/b', type: 'b', major: 9, minor: 1, uid: 0, gid: 0, fileMode: 0o640 },
      ],
      mounts: [
        { hostPath: '/new', containerPath: '/lib/x', options: ['ro', 'bind'] },
        { hostPath: '/top', containerPath: '/opt' },
      ],
      hooks: [{ hookName: 'createContainer', path: '/bin/true', args: ['true'], timeout: 5 }],
    })
    deepEqual(result.process.env, ['B=1', 'A=2'])
    deepEqual(result.process.user.additionalGids, [7, 8])
    deepEqual(result.linux.devices, [
      { path: '/dev/made', type: 'c', major: 1, minor: 3, uid: 5, gid: 6 },
      { path: '/dev/b', type: 'b', major: 9, minor: 1, fileMode: 0o640, uid: 0, gid: 0 },
    ])
    deepEqual(result.linux.resources.devices?.slice(1), [
      { allow: true, type: 'c', major: 1, minor: 3, access: 'rw' },
      { allow: true, type: 'b', major: 9, minor: 1, access: 'rwm' },
    ])
    deepEqual(
      result.mounts.map(({ source }) => source),
      ['/top', '/new'],
    )
    deepEqual(result.hooks, { createContainer: [{ path: '/bin/true', args: ['true'], timeout: 5 }] })
  })

  it('need the nodes of the host', () => {
    throws(
      () => inject({ deviceNodes: [{ path: '/dev/nothing' }] }),
      /failed to stat "\/dev\/nothing": no such file or directory/,
    )
    throws(() => inject({ deviceNodes: [{ path: '/etc/passwd' }] }), /\/etc\/passwd is not a device node/)
    throws(() => inject({ deviceNodes: [{ path: '/dev/null', type: 'b' }] }), /is of type c, not b/)
  })
})
