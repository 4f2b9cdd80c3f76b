// Volumes: names, options, listing, removal, and what they are filled with.

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openPath } from '../kernel/descriptor.ts'
import { type RemoveTree, removeTree as removeTreeNow } from '../kernel/remove-tree.ts'
import { getXattr, setXattr } from '../kernel/xattr.ts'
import { systemClock } from '../lib/clock.ts'
import { Filters } from '../lib/filters.ts'
import { randomIds } from '../lib/ids.ts'
import { Database } from '../state/database.ts'
import { isMounted } from './backing.ts'
import { Volumes } from './volumes.ts'

const removeTree: RemoveTree = async (directory, name) => {
  using parent = openPath(directory)
  removeTreeNow(parent, name)
}

/** Volumes in a directory of their own, beside a tree to fill them from. */
function setUp() {
  const path = mkdtempSync(join(tmpdir(), 'gantry-volumes-'))
  const database = Database.open(':memory:')
  const root = join(path, 'volumes')
  const volumes = new Volumes({ database, root, clock: systemClock, ids: randomIds, removeTree })
  const image = join(path, 'image')
  mkdirSync(image)
  return {
    volumes,
    image,
    root,
    fill: async (name: string, from: string) => {
      using tree = openPath(image)
      await volumes.copyUp(name, tree, from)
    },
    [Symbol.dispose]: () => {
      volumes.unmountUnused()
      database[Symbol.dispose]()
      rmSync(path, { recursive: true })
    },
  }
}

const nobody = () => []
const current = { atLeast: () => true }

describe('a volume', () => {
  it('is made once and shown as dockerd shows it', () => {
    using kit = setUp()
    const body = { Name: 'data', Driver: 'local', DriverOpts: null, Labels: { a: 'b' } }
    const made = kit.volumes.create(body)
    deepEqual(made, {
      CreatedAt: made.CreatedAt,
      Driver: 'local',
      Labels: { a: 'b' },
      Mountpoint: join(kit.root, 'data/_data'),
      Name: 'data',
      Options: null,
      Scope: 'local',
    })
    ok(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(made.CreatedAt))
    deepEqual(kit.volumes.create({ ...body, Labels: { other: '' } }), made)
    deepEqual(kit.volumes.ensure({ name: 'data' }), { name: 'data', isNew: false })
    equal(lstatSync(made.Mountpoint).mode & 0o777, 0o755)
  })

  it('without a name gets one, and a label that says so', () => {
    using kit = setUp()
    const { name, isNew } = kit.volumes.ensure({ name: '' })
    ok(isNew)
    ok(/^[0-9a-f]{64}$/.test(name))
    deepEqual(kit.volumes.inspect(name).Labels, { 'com.docker.volume.anonymous': '' })
  })

  it('is refused in dockerd’s words', () => {
    using kit = setUp()
    const refused = (request: { name: string; driver?: string; options?: Record<string, string> }, message: string) =>
      throws(() => kit.volumes.ensure(request), { message })
    refused({ name: 'a' }, 'create a: volume name is too short, names should be at least two alphanumeric characters')
    for (const name of ['a/b', '../x', '.x', '-x', 'a b', 'ü1', 'x\0', 'x'.repeat(300)]) {
      refused(
        { name },
        `create ${name}: ${JSON.stringify(name)} includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      )
    }
    refused({ name: 'z1', driver: 'foo' }, 'create z1: error looking up volume plugin foo: plugin "foo" not found')
    refused({ name: 'z2', options: { foo: '1' } }, 'create z2: invalid option: "foo"')
    refused({ name: 'z3', options: { type: 'tmpfs' } }, 'create z3: missing required option: "device"')
    refused({ name: 'z4', options: { size: '1g' } }, 'create z4: quota size requested but no quota support')
    deepEqual(readdirSync(kit.root), [])
    throws(() => kit.volumes.inspect('nosuch'), { kind: 'notFound', message: 'get nosuch: no such volume' })
  })

  it('is listed by name, label, driver and whether it is used', () => {
    using kit = setUp()
    for (const name of ['beta', 'alpha', 'gamma'])
      kit.volumes.ensure({ name, labels: name === 'beta' ? { x: '1' } : {} })
    const names = (filters: Record<string, string[]>) =>
      kit.volumes
        .list(new Filters(Object.entries(filters)), name => (name === 'gamma' ? ['c'] : []))
        .map(({ Name }) => Name)
    deepEqual(names({}), ['alpha', 'beta', 'gamma'])
    deepEqual(names({ name: ['am'] }), ['gamma'])
    deepEqual(names({ label: ['x=1'] }), ['beta'])
    deepEqual(names({ label: ['x'], name: ['alpha'] }), [])
    deepEqual(names({ driver: ['local'] }).length, 3)
    deepEqual(names({ driver: ['other'] }), [])
    deepEqual(names({ dangling: ['true'] }), ['alpha', 'beta'])
    deepEqual(names({ dangling: ['0'] }), ['gamma'])
    throws(() => names({ foo: ['x'] }), /invalid filter 'foo'/)
  })

  it('is removed unless a container uses it', async () => {
    using kit = setUp()
    kit.volumes.ensure({ name: 'data' })
    const remove = (force: boolean, usersOf: () => string[]) => kit.volumes.removeUnused('data', { force, usersOf })
    await rejects(
      remove(true, () => ['c1', 'c2']),
      { kind: 'conflict', message: 'remove data: volume is in use - [c1, c2]' },
    )
    await remove(false, nobody)
    deepEqual(readdirSync(kit.root), [])
    await rejects(remove(false, nobody), /get data: no such volume/)
    await remove(true, nobody)
  })

  it('made for a container goes if there will be none, unless another has come to keep it', async () => {
    using kit = setUp()
    for (const name of ['one', 'two', 'three']) kit.volumes.ensure({ name }, { pending: true })
    kit.volumes.keep(['one'])
    await kit.volumes.drop('one')
    await kit.volumes.drop('two')
    deepEqual(readdirSync(kit.root).toSorted(), ['one', 'three'])
    await kit.volumes.recover()
    deepEqual(readdirSync(kit.root), ['one'])
    await kit.volumes.recover()
    ok(kit.volumes.has('one') && !kit.volumes.has('three'))
  })

  it('is removed to its end after a crash, and data that have lost their row are kept', async () => {
    using kit = setUp()
    for (const name of ['cut', 'kept']) kit.volumes.ensure({ name })
    kit.volumes.forget(['cut'])
    mkdirSync(join(kit.root, 'made/_data'), { recursive: true })
    mkdirSync(join(kit.root, 'begun'))
    mkdirSync(join(kit.root, '.removed-x/_data'), { recursive: true })
    mkdirSync(join(kit.root, 'lost/_data'), { recursive: true })
    writeFileSync(join(kit.root, 'lost/_data/precious'), '')
    writeFileSync(join(kit.root, 'kept/_removed'), '')
    await kit.volumes.recover()
    deepEqual(readdirSync(kit.root).toSorted(), ['kept', 'lost'])
    deepEqual(readdirSync(join(kit.root, 'kept')), ['_data'])
  })

  it('does not come back with the data of one whose removal was cut short', () => {
    using kit = setUp()
    mkdirSync(join(kit.root, 'data/_data'), { recursive: true })
    writeFileSync(join(kit.root, 'data/_data/secret'), '')
    writeFileSync(join(kit.root, 'data/_removed'), '')
    kit.volumes.ensure({ name: 'data' })
    deepEqual(readdirSync(kit.volumes.mountpoint('data')), [])
  })

  it('is pruned if it is anonymous, unused and without options', async () => {
    using kit = setUp()
    const { name } = kit.volumes.ensure({ name: '' })
    const used = kit.volumes.ensure({ name: '' }).name
    kit.volumes.ensure({ name: 'named' })
    kit.volumes.ensure({ name: 'tmp', options: { type: 'tmpfs', device: 'tmpfs' } })
    writeFileSync(join(kit.volumes.mountpoint(name), 'f'), 'x'.repeat(1000))
    linkSync(join(kit.volumes.mountpoint(name), 'f'), join(kit.volumes.mountpoint(name), 'g'))
    const usersOf = (volume: string) => (volume === used ? ['c'] : [])
    deepEqual(await kit.volumes.prune(new Filters(), usersOf, current), {
      VolumesDeleted: [name],
      SpaceReclaimed: 1000,
    })
    const all = new Filters([['all', ['true']]])
    deepEqual((await kit.volumes.prune(all, usersOf, current)).VolumesDeleted, ['named'])
  })

  it('with options is mounted while it is used', async () => {
    using kit = setUp()
    kit.volumes.ensure({ name: 'tmp', options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,mode=700,nosuid' } })
    const first = await kit.volumes.hold('tmp')
    const { path } = first
    ok(isMounted(path))
    ok(readFileSync('/proc/self/mountinfo', 'utf8').includes(`${path} rw,nosuid`))
    const second = await kit.volumes.hold('tmp')
    equal(second.path, path)
    first[Symbol.dispose]()
    first[Symbol.dispose]()
    ok(isMounted(path))
    kit.volumes.unmountUnused()
    ok(isMounted(path))
    second[Symbol.dispose]()
    ok(!isMounted(path))
  })

  it('with options may bind a directory', async () => {
    using kit = setUp()
    writeFileSync(join(kit.image, 'file'), 'bound')
    kit.volumes.ensure({ name: 'bound', options: { type: 'none', device: kit.image, o: 'bind,ro' } })
    const { path } = await kit.volumes.hold('bound')
    equal(readFileSync(join(path, 'file'), 'utf8'), 'bound')
    throws(() => writeFileSync(join(path, 'new'), ''), { code: 'EROFS' })
    await kit.volumes.remove('bound')
    ok(!isMounted(path))
    ok(existsSync(join(kit.image, 'file')))
  })

  it('with options that fail says why, without passwords', async () => {
    using kit = setUp()
    kit.volumes.ensure({ name: 'bad', options: { type: 'tmpfs', device: 'tmpfs', o: 'password=hunter2' } })
    await rejects(kit.volumes.hold('bad'), error => {
      const { message } = error as Error
      return message.startsWith('failed to mount local volume') && !message.includes('hunter2')
    })
  })
})

describe('an empty volume', () => {
  it('gets the image’s content with owners, modes, times, attributes and links', async () => {
    using kit = setUp()
    const from = join(kit.image, 'srv')
    execFileSync('sh', ['-c', script], { cwd: kit.image })
    {
      using file = openPath(join(from, 'file'), 1)
      setXattr(file, 'user.test', Buffer.from('value'))
    }
    symlinkSync('/etc/shadow', join(from, 'link'))
    linkSync(join(from, 'file'), join(from, 'twin'))
    kit.volumes.ensure({ name: 'data' })
    await kit.fill('data', '/srv')
    const to = kit.volumes.mountpoint('data')
    deepEqual(listing(to), listing(from))
    using copied = openPath(join(to, 'file'), 0)
    equal(getXattr(copied, 'user.test')?.toString(), 'value')
    equal(lstatSync(join(to, 'file')).ino, lstatSync(join(to, 'twin')).ino)
    equal(readlinkSync(join(to, 'link')), '/etc/shadow')
    equal(readFileSync(join(to, 'big'), 'utf8').length, 5_000_000)
    deepEqual(readdirSync(join(kit.root, 'data')), ['_data'])
  })

  it('gets the owner and mode of an empty directory too', async () => {
    using kit = setUp()
    execFileSync('sh', ['-c', 'mkdir d && chmod 2750 d && chown 12:34 d'], { cwd: kit.image })
    kit.volumes.ensure({ name: 'data' })
    await kit.fill('data', '/d')
    const { mode, uid, gid } = lstatSync(kit.volumes.mountpoint('data'))
    deepEqual([mode & 0o7777, uid, gid], [0o2750, 12, 34])
  })

  it('is filled once', async () => {
    using kit = setUp()
    mkdirSync(join(kit.image, 'd'))
    writeFileSync(join(kit.image, 'd/new'), '')
    kit.volumes.ensure({ name: 'data' })
    writeFileSync(join(kit.volumes.mountpoint('data'), 'mine'), '')
    await kit.fill('data', '/d')
    deepEqual(readdirSync(kit.volumes.mountpoint('data')), ['mine'])
  })

  it('stays empty if there is no such directory', async () => {
    using kit = setUp()
    writeFileSync(join(kit.image, 'file'), '')
    symlinkSync('loop', join(kit.image, 'loop'))
    kit.volumes.ensure({ name: 'data' })
    for (const path of ['/nosuch', '/file', '/file/x', '/loop']) await kit.fill('data', path)
    deepEqual(readdirSync(kit.volumes.mountpoint('data')), [])
  })

  it('never gets anything of the host', async () => {
    using kit = setUp()
    const host = mkdtempSync(join(tmpdir(), 'gantry-host-'))
    writeFileSync(join(host, 'secret'), '')
    try {
      for (const [index, target] of [host, `../../../../../..${host}`, '/proc/self/root/etc'].entries()) {
        symlinkSync(target, join(kit.image, `d${index}`))
        kit.volumes.ensure({ name: `v${index}` })
        await kit.fill(`v${index}`, `/d${index}`)
        await kit.fill(`v${index}`, `/../../../../..${host}`)
        deepEqual(readdirSync(kit.volumes.mountpoint(`v${index}`)), [])
      }
    } finally {
      rmSync(host, { recursive: true })
    }
  })

  it('has all or nothing after a crash', async () => {
    using kit = setUp()
    mkdirSync(join(kit.image, 'd'))
    writeFileSync(join(kit.image, 'd/a'), 'whole')
    kit.volumes.ensure({ name: 'data' })
    const home = join(kit.root, 'data')
    mkdirSync(join(home, '_draft'))
    writeFileSync(join(home, '_draft/half'), '')
    await kit.fill('data', '/d')
    deepEqual(readdirSync(join(home, '_data')), ['a'])

    // A complete copy of which one file had been moved.
    mkdirSync(join(home, '_ready'))
    for (const [name, text] of Object.entries({ a: 'later', b: 'b' })) writeFileSync(join(home, '_ready', name), text)
    using _hold = await kit.volumes.hold('data')
    deepEqual(readdirSync(home), ['_data'])
    deepEqual(readdirSync(join(home, '_data')), ['a', 'b'])
    equal(readFileSync(join(home, '_data/a'), 'utf8'), 'whole')
  })

  it('refuses trees that are nested without end', async () => {
    using kit = setUp()
    execFileSync('sh', ['-c', 'mkdir d; cd d; i=0; while [ $i -lt 250 ]; do mkdir d; cd d; i=$((i+1)); done'], {
      cwd: kit.image,
    })
    kit.volumes.ensure({ name: 'data' })
    await rejects(kit.fill('data', '/d'), /nested more than 200 deep/)
    deepEqual(readdirSync(kit.volumes.mountpoint('data')), [])
    deepEqual(readdirSync(join(kit.root, 'data')), ['_data'])
  })
})

const script = `mkdir -p srv/sub/deep && cd srv
  echo one > file && head -c 5000000 /dev/zero > big && chown 1:2 file && chmod 4755 file
  mkfifo pipe && mknod null c 1 3 && chmod 600 null && chown 3:4 sub && chmod 1777 sub && echo x > sub/deep/x
  ln -s nowhere dangling && chown -h 5:6 dangling && touch -d '2001-02-03 04:05:06.789' sub/deep/x sub`

/** Everything about every file below a directory, but where it is. */
function listing(path: string): string {
  const format = '%P %y %m %U %G %s %l %n %T@\\n'
  const files = execFileSync('sh', ['-c', `find . -printf '${format}' | sort`], { cwd: path, encoding: 'utf8' })
  const bytes = execFileSync('sh', ['-c', 'find . -type f | sort | xargs cksum'], { cwd: path, encoding: 'utf8' })
  // Directories' sizes depend on their past.
  return files.replaceAll(/^(.* d .*? .*? .*?) \d+ /gm, '$1 ') + bytes
}
