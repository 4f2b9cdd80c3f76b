// Mounts as they are asked for, planned and resolved.

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { assert as holds, property, string } from 'fast-check'
import { cleanPath } from '../lib/paths.ts'
import { parseVolumesFrom } from './mount-mode.ts'
import { type MountSources, mountPoints, planMounts } from './mount-plan.ts'
import { type MountRequest, parseBind, parseMount } from './mount-request.ts'
import { resolveMounts } from './mount-resolve.ts'

const plan = (sources: Partial<MountSources>) => planMounts({ dataRoot: '/var/lib/gantry', ...sources })
const unexpected = () => {
  throw new Error('nothing here is to be placed')
}
const context = {
  volumePath: (name: string) => `/volumes/${name}/_data`,
  imageTree: unexpected,
  place: unexpected,
  recursiveReadonly: true,
}
const resolveOne = async (sources: Partial<MountSources>, recursiveReadonly = true) =>
  (await resolveMounts(plan(sources), { ...context, recursiveReadonly }))[0]

function scratch() {
  const path = mkdtempSync(join(tmpdir(), 'gantry-mounts-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

const shown = (raw: string) => {
  const { type, source, name, destination, rw, propagation, copy } = parseBind(raw, '')
  return [type, source || name, destination, rw ? 'rw' : 'ro', propagation, copy ? 'copy' : '']
    .filter(Boolean)
    .join(' ')
}

describe('-v', () => {
  const cases: Record<string, string> = {
    '/src:/dst': 'bind /src /dst rw rprivate',
    '/src/../x//:/dst/': 'bind /x /dst rw rprivate',
    '/src:/dst:ro': 'bind /src /dst ro rprivate',
    '/src:/dst:ro,Z,rslave,cached': 'bind /src /dst ro rslave',
    'data:/dst': 'volume data /dst rw copy',
    'data:/dst:nocopy,ro': 'volume data /dst ro',
    'a/b:/dst': 'volume a/b /dst rw copy',
    '/dst': 'volume /dst rw copy',
  }
  for (const [raw, result] of Object.entries(cases)) it(`${raw} is ${result}`, () => equal(shown(raw), result))

  const refused: Record<string, string> = {
    '': "invalid volume specification: ''",
    ':/a': "invalid volume specification: ':/a'",
    '/a:/b:ro:x': "invalid volume specification: '/a:/b:ro:x'",
    '/a:ro': "invalid volume specification: '/a:ro'",
    '/a:': "invalid volume specification: '/a:'",
    '/a:/b:foo': 'invalid mode: foo',
    '/a:/b:ro,rw': 'invalid mode: ro,rw',
    '/a:/b:z,Z': 'invalid mode: z,Z',
    '/a:/b:volume-nocopy': 'invalid mode: volume-nocopy',
    '/a:/': `invalid volume specification: '/a:/': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    '/a:/..': `invalid volume specification: '/a:/..': invalid mount config for type "bind": invalid specification: destination can't be '/'`,
    '/a:b': `invalid volume specification: '/a:b': invalid mount config for type "bind": invalid mount path: 'b' mount path must be absolute`,
    [`x:/${'b'.repeat(256)}`]: `invalid volume specification: 'x:/${'b'.repeat(256)}': invalid mount config for type "volume": invalid mount path: file name too long`,
    'x:/b:shared': `invalid volume specification: 'x:/b:shared': invalid mount config for type "volume": field BindOptions must not be specified`,
    '/a:/b:nocopy': `invalid volume specification: '/a:/b:nocopy': invalid mount config for type "bind": field VolumeOptions must not be specified`,
  }
  for (const [raw, message] of Object.entries(refused)) {
    it(`${JSON.stringify(raw)} is refused`, () => throws(() => parseBind(raw, ''), { name: 'GantryError', message }))
  }

  it('of any text is a plan with clean absolute paths, or refused', () => {
    holds(
      property(string(), raw => {
        try {
          const { destination, source } = parseBind(raw, '')
          for (const path of [destination, source || '/']) ok(path.startsWith('/') && cleanPath(path) === path, path)
        } catch (error) {
          equal((error as Error).name, 'GantryError')
        }
      }),
    )
  })
})

const refused = (request: MountRequest, message: string) => throws(() => parseMount(request), { message })

describe('--mount', () => {
  it('is refused in dockerd’s words', () => {
    const bind = 'invalid mount config for type "bind": '
    refused({ Type: 'bind', Source: '/nosuch', Target: '/a' }, `${bind}bind source path does not exist: /nosuch`)
    refused({ Type: 'bind', Target: '/a' }, `${bind}field Source must not be empty`)
    refused({ Type: 'bind', Source: '/tmp' }, `${bind}field Target must not be empty`)
    refused(
      { Type: 'bind', Source: 'tmp', Target: '/a' },
      `${bind}invalid mount path: 'tmp' mount path must be absolute`,
    )
    refused(
      { Type: 'bind', Source: '/tmp', Target: '/a', VolumeOptions: {} },
      `${bind}field VolumeOptions must not be specified`,
    )
    refused(
      { Type: 'bind', Source: '/tmp', Target: '/a', BindOptions: { Propagation: 'x' } },
      `${bind}invalid propagation mode: x`,
    )
    refused(
      { Type: 'tmpfs', Source: 'x', Target: '/a' },
      'invalid mount config for type "tmpfs": field Source must not be specified',
    )
    refused(
      { Type: 'tmpfs', Target: '/a', TmpfsOptions: { Options: [['suid']] } },
      'invalid mount config for type "tmpfs": invalid option: suid',
    )
    refused({ Type: 'foo', Target: '/a' }, 'invalid mount config for type "foo": mount type unknown')
    refused({ Target: '/a' }, 'invalid mount config for type "": mount type unknown')
    refused(
      { Type: 'volume', Target: '/a', VolumeOptions: { Subpath: 'x' } },
      'invalid mount config for type "volume": must not set Subpath when using anonymous volumes',
    )
    refused(
      { Type: 'volume', Source: 'v', Target: '/a', VolumeOptions: { Subpath: '../x' } },
      'invalid mount config for type "volume": subpath must be a relative path within the volume',
    )
    refused(
      { Type: 'bind', Source: '/tmp', Target: '/a', BindOptions: { ReadOnlyForceRecursive: true } },
      'mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive',
    )
  })

  it('has the shape that inspect shows', () => {
    const mounts = [
      { Type: 'volume', Source: 'v', Target: '/v', VolumeOptions: { Labels: { a: 'b' } } },
      { Type: 'tmpfs', Target: '/t', ReadOnly: true },
      { Type: 'bind', Source: '/tmp', Target: '/b' },
    ]
    const points = mountPoints(
      plan({ mounts, tmpfs: { '/hidden': '' }, binds: ['/tmp:/c:ro'], volumes: ['/anon'] }),
      context.volumePath,
    )
    const common = { Mode: '', RW: true, Propagation: '' }
    deepEqual(points, [
      { Type: 'bind', Source: '/tmp', Destination: '/c', Mode: 'ro', RW: false, Propagation: 'rprivate' },
      {
        ...common,
        Type: 'volume',
        Name: 'v',
        Source: '/volumes/v/_data',
        Destination: '/v',
        Driver: 'local',
        Mode: 'z',
      },
      { ...common, Type: 'tmpfs', Source: '', Destination: '/t', RW: false },
      { ...common, Type: 'bind', Source: '/tmp', Destination: '/b', Propagation: 'rprivate' },
      { ...common, Type: 'volume', Name: '', Source: '/volumes//_data', Destination: '/anon', Driver: 'local' },
    ])
  })
})

const duplicate = (sources: Partial<MountSources>) =>
  throws(() => plan(sources), { message: 'Duplicate mount point: /a' })

const at = (volume: string) => plan({ volumes: [volume] })[0]?.destination

const propagation = (bind: string) => plan({ binds: [bind] })[0]?.propagation

describe('a plan', () => {
  it('has each destination once', () => {
    duplicate({ binds: ['/x:/a', '/y:/a/'] })
    duplicate({ binds: ['/x:/a'], tmpfs: { '/a': '' } })
    duplicate({ binds: ['/x:/a'], mounts: [{ Type: 'tmpfs', Target: '/a' }] })
  })

  it('prefers what is asked for over other containers’ mounts, and those over the image’s', () => {
    const other = plan({ binds: ['/o:/a', '/o:/b:rw', 'v:/c'], tmpfs: { '/t': '' } })
    const plans = plan({
      binds: ['/x:/a'],
      volumesFrom: [{ mounts: other, readonly: true }],
      volumes: ['/a', '/b', '/c', '/d'],
    })
    deepEqual(
      plans.map(({ destination, source, name, rw, copy }) => [destination, source || name, rw, copy]),
      [
        ['/a', '/x', true, false],
        ['/b', '/o', false, false],
        ['/c', 'v', false, false],
        ['/d', '', true, true],
      ],
    )
  })

  it('keeps an image’s VOLUME inside the container', () => {
    equal(at('/../../etc'), '/etc')
    equal(at('data'), '/data')
    equal(at('../x'), '/x')
    throws(() => at('/..'), /destination can't be '\/'/)
  })

  it('is a slave of mounts that contain the data root', () => {
    equal(propagation('/:/host'), 'rslave')
    equal(propagation('/var/lib/gantry/x:/x'), 'rslave')
    equal(propagation('/var/lib/gantry2:/x'), 'rprivate')
    throws(() => propagation('/var:/x:shared'), /must use either propagation mode "rslave" or "rshared"/)
  })

  it('takes volumes from containers read-only or not', () => {
    deepEqual(parseVolumesFrom('c'), { container: 'c', readonly: false })
    deepEqual(parseVolumesFrom('c:ro,z'), { container: 'c', readonly: true })
    for (const text of ['c:foo', 'c:shared', 'c:nocopy']) throws(() => parseVolumesFrom(text), /invalid mode: /)
    throws(() => parseVolumesFrom(''), /volumes-from specification cannot be an empty string/)
  })
})

const options = async (recursive: boolean, BindOptions = {}) =>
  (
    await resolveOne(
      { mounts: [{ Type: 'bind', Source: '/tmp', Target: '/x', ReadOnly: true, BindOptions }] },
      recursive,
    )
  )?.options

describe('a start', () => {
  it('makes missing sources of -v, and no others', async () => {
    using directory = scratch()
    const source = join(directory.path, 'a/b')
    const mount = await resolveOne({ binds: [`${source}:/x`] })
    deepEqual(mount, { destination: '/x', type: 'bind', source, options: ['rbind', 'rprivate'] })
    ok(existsSync(source))
    const plans = plan({ mounts: [{ Type: 'bind', Source: source, Target: '/x' }] })
    rmSync(source, { recursive: true })
    await rejects(resolveMounts(plans, context), /bind source path does not exist/)
  })

  it('says why a source cannot be made', async () => {
    using directory = scratch()
    const file = join(directory.path, 'file')
    writeFileSync(file, '')
    equal((await resolveOne({ binds: [`${file}:/x`] }))?.source, file)
    await rejects(
      resolveOne({ binds: [`${file}/sub:/x`] }),
      /error while creating mount source path '.*': mkdir .*: not a directory/,
    )
  })

  it('is read-only as deep as the runtime can', async () => {
    deepEqual(await options(true), ['rbind', 'rro', 'rprivate'])
    deepEqual(await options(false), ['rbind', 'ro', 'rprivate'])
    deepEqual(await options(true, { ReadOnlyNonRecursive: true, NonRecursive: true }), ['bind', 'ro', 'private'])
    deepEqual(await options(true, { NonRecursive: true }), ['bind', 'ro', 'private'])
    await rejects(options(false, { ReadOnlyForceRecursive: true }), /do not support recursive read-only mounts/)
  })

  it('mounts volumes and tmpfs', async () => {
    deepEqual(await resolveOne({ binds: ['v:/x:ro'] }), {
      destination: '/x',
      type: 'bind',
      source: '/volumes/v/_data',
      options: ['rbind', 'rro'],
    })
    deepEqual(await resolveOne({ tmpfs: { '/x': 'size=1m,exec' } }), {
      destination: '/x',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'rprivate', 'size=1m', 'exec'],
    })
  })

  it('needs a shared mount for shared propagation', async () => {
    // The scratch directory is on a private mount here, as tests run; elsewhere the mode is simply kept.
    using directory = scratch()
    const bind = `${directory.path}:/x`
    const isShared = await resolveOne({ binds: [`${bind}:rshared`] }).then(
      () => true,
      () => false,
    )
    if (isShared) deepEqual((await resolveOne({ binds: [`${bind}:rslave`] }))?.options, ['rbind', 'rslave'])
    else
      await rejects(
        resolveOne({ binds: [`${bind}:rslave`] }),
        /path .* is mounted on .* but it is not a shared or slave mount/,
      )
  })

  it('does not replace /proc', async () => {
    await rejects(resolveOne({ volumes: ['/proc'] }), /"\/proc" cannot be mounted because it is not of type proc/)
    await rejects(resolveOne({ binds: ['/tmp:/proc/self/attr'] }), /cannot be mounted because it is inside \/proc/)
    await rejects(resolveOne({ tmpfs: { '/proc/x': '' } }), /is inside \/proc/)
    equal((await resolveOne({ binds: ['/proc:/proc'] }))?.source, '/proc')
    equal((await resolveOne({ binds: ['/proc/uptime:/proc/uptime'] }))?.destination, '/proc/uptime')
    equal((await resolveOne({ binds: ['/tmp:/process'] }))?.destination, '/process')
  })
})
