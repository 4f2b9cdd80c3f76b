// --storage-opt size: a container's own layer may take only so much, on file systems with project quotas. Where the host's
// kernel has none, the test runs in a virtual machine.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'

import { Projects } from '../../src/container/storage/projects.ts'
import { openPath } from '../../src/kernel/descriptor.ts'
import { projectUsage } from '../../src/kernel/quota.ts'
import type { Gantryd, GantrydOptions } from '../kit/gantryd.ts'
import { startGantryd } from '../kit/gantryd.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { inVm, noVm, runInVm } from '../kit/vm.ts'
import { onDockerd } from './engine.ts'

const kinds = { xfs: ['mkfs.xfs', '-q'], ext4: ['mke2fs', '-q', '-t', 'ext4', '-O', 'project,quota'] } as const
type Kind = keyof typeof kinds

const run = (...argv: string[]) => execFileSync(argv[0] ?? '', argv.slice(1), { stdio: 'pipe' }).toString()

/** A file system of that kind in a file, mounted with project quotas. */
class Disk implements AsyncDisposable {
  readonly #directory = temporaryDirectory('disk')
  readonly #image = join(this.#directory.path, 'image')
  readonly path = join(this.#directory.path, 'mounted')

  constructor(kind: Kind) {
    run('truncate', '--size=400M', this.#image)
    run(...kinds[kind], this.#image)
    mkdirSync(this.path)
    this.mount('loop,prjquota')
  }

  mount(options: string): void {
    run('mount', '-o', options, this.#image, this.path)
  }

  unmount(): void {
    run('umount', this.path)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unmount()
    await this.#directory[Symbol.asyncDispose]()
  }
}

function hasProjectQuotas(): boolean {
  try {
    using stack = new DisposableStack()
    const directory = temporaryDirectory('quota')
    stack.defer(() => void directory[Symbol.asyncDispose]())
    const image = join(directory.path, 'image')
    run('truncate', '--size=32M', image)
    run(...kinds.ext4, image)
    run('mount', '-o', 'loop,prjquota', image, directory.path)
    run('umount', directory.path)
    return true
  } catch {
    return false
  }
}

async function start(options: GantrydOptions): Promise<Gantryd> {
  const engine = await startGantryd(options)
  const archive = process.env.GANTRY_BUSYBOX ?? (await busyboxImage()).archive
  await engine.ok(['load', '--quiet', '--input', archive])
  return engine
}

const megabyte = 1024 * 1024

/** Writes megabytes to a file of its own layer; false if that was too much. */
async function writes(engine: Gantryd, name: string, megabytes: number, file = '/file'): Promise<boolean> {
  const command = ['dd', 'if=/dev/zero', `of=${file}`, 'bs=1M', `count=${megabytes}`]
  const { code, stderr } = await engine.docker(['exec', name, ...command])
  if (code !== 0) assert.match(stderr, /No space left on device|Disk quota exceeded/)
  return code === 0
}

const lasting = (engine: Gantryd, name: string, ...flags: string[]) =>
  engine.ok(['run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '10000'])

function usedBy(directory: string, project: number): bigint {
  using opened = openPath(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  return projectUsage(opened, project).files
}

const size = (engine: Gantryd, name: string) => engine.ok(['inspect', '--size', name, '--format', '{{.SizeRw}}'])

async function refused(engine: Gantryd, ...args: string[]): Promise<string> {
  const { code, stderr } = await engine.docker(args)
  assert.notEqual(code, 0)
  return stderr
}

async function checkLimits(kind: Kind): Promise<void> {
  await using disk = new Disk(kind)
  const dataRoot = join(disk.path, 'data')
  await using engine = await start({ dataRoot })
  const limited = ['--storage-opt', 'size=20m']
  await lasting(engine, 'c1', ...limited)
  await lasting(engine, 'c2', '--storage-opt', 'SIZE=20M')
  await lasting(engine, 'free')
  assert.equal(await writes(engine, 'c1', 40), false)
  assert.ok(Number(await size(engine, 'c1')) <= 20 * megabyte)
  // Each has its own project.
  assert.equal(await writes(engine, 'c2', 15), true)
  assert.equal(await writes(engine, 'free', 40), true)
  const [, blocks] = /(\d+) +\d+ +\d+ +\d+% \/$/m.exec(await engine.ok(['exec', 'c1', 'df', '-k', '/'])) ?? []
  assert.ok(Number(blocks) <= 20 * 1024, `${blocks} KiB`)

  await engine.ok(['exec', 'c1', 'rm', '/file'])
  assert.equal(await writes(engine, 'c1', 15), true)
  assert.match(await engine.ok(['ps', '--size', '--filter', 'name=c1', '--format', '{{.Size}}']), /^15\.7MB/)
  assert.match(await engine.ok(['diff', 'c1']), /^A \/file$/m)
  await engine.ok(['cp', 'c1:/file', join(engine.scratch, 'copy')])
  assert.equal(statSync(join(engine.scratch, 'copy')).size, 15 * megabyte)
  assert.match(await refused(engine, 'cp', join(engine.scratch, 'copy'), 'c1:/second'), /no space left|quota exceeded/i)
  // What is made of it has no limit, and does not count.
  await engine.ok(['commit', 'c1', 'made'])
  await engine.ok(['run', '--rm', 'made', 'dd', 'if=/dev/zero', 'of=/more', 'bs=1M', 'count=30'])
  await engine.ok(['rmi', 'made'])

  // The same directory, but nothing known of the containers in it: what has files is in use.
  const others = new Projects(join(dataRoot, 'containers'), () => [])
  const limit = others.allocate(megabyte)
  assert.equal(usedBy(join(dataRoot, 'containers'), limit.project), 0n)
  others.free(limit)

  await engine.kill9()
  writeFileSync(engine.configuration, JSON.stringify({ 'storage-opts': ['overlay2.size=10m'] }))
  await engine.start()
  await lasting(engine, 'c0')
  assert.equal(await writes(engine, 'c0', 15), false)
  await lasting(engine, 'c3', '--rm', ...limited)
  assert.equal(await writes(engine, 'c3', 15), true)
  assert.equal(await writes(engine, 'c1', 15, '/second'), false)
  await engine.ok(['restart', '--time', '0', 'c1'])
  assert.equal(await writes(engine, 'c1', 30), false)
  await engine.ok(['rm', '--force', 'c1'])
  await lasting(engine, 'c4', ...limited)
  assert.equal(await writes(engine, 'c4', 15), true)

  assert.match(await refused(engine, 'create', '--storage-opt', 'colour=blue', 'busybox'), /Unknown option colour/)
  assert.match(await refused(engine, 'create', '--storage-opt', 'size=much', 'busybox'), /invalid size: 'much'/)

  await engine.removeContainers()
  await engine.ok(['create', '--name', 'c5', ...limited, 'busybox', 'true'])
  await engine.stop()
  disk.unmount()
  disk.mount('loop')
  writeFileSync(engine.configuration, '{}')
  await engine.start()
  assert.match(await refused(engine, 'start', 'c5'), /cannot limit the container's storage: .*prjquota/)
  await engine.ok(['rm', 'c5'])
  const unsupported = /--storage-opt is supported only for overlay over xfs with 'pquota' mount option/
  assert.match(await refused(engine, 'create', ...limited, 'busybox'), unsupported)
}

const wantsVm = process.env.GANTRY_VM_TESTS === '1'
const lack =
  'this kernel has no project quotas for ext4 (CONFIG_QFMT_V2); GANTRY_VM_TESTS=1 runs it in a virtual machine'

if (onDockerd) test('containers are limited', { skip: 'dockerd has limits on xfs only' })
else if (inVm || hasProjectQuotas()) {
  for (const kind of ['xfs', 'ext4'] as const) test(`containers are limited on ${kind}`, () => checkLimits(kind))
} else {
  test('containers are limited, in a virtual machine', { skip: noVm ?? (wantsVm ? false : lack) }, async () => {
    const root = join(import.meta.dirname, '../..')
    const archive = relative(root, (await busyboxImage()).archive)
    await runInVm(`GANTRY_BUSYBOX=${archive} node --test ${relative(root, import.meta.filename)}`)
  })
}
