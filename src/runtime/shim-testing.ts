// Real containers for the tests of the shim: a busybox rootfs, an OCI spec, and everything removed afterwards.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../kernel/ffi.ts'
import { bindMount, mountOverlay, setPropagation, unmount } from '../kernel/mount.ts'
import { type LaunchedShim, type ShimOptions, launchShim, shimProgram } from './shim.ts'

/** The sources of the shim. */
export const shimDirectory = fileURLToPath(new URL('../../shim', import.meta.url))
const cgroupParent = 'gantry-shim-test'

/** The builds of the shim that every test runs against: the one that is shipped, and the one under sanitizers. */
const builds = { shipped: shimProgram, sanitized: `${shimProgram}-asan` } as const
type Build = keyof typeof builds

/** Builds both, if their sources have changed. */
function buildShims(): void {
  execFileSync('make', ['--silent', '-C', shimDirectory, 'all', 'asan'], { stdio: 'pipe' })
}

/** Defines tests for both builds; `shop()` is a workshop of the build, shared by them. */
export function describeShim(name: string, define: (shop: () => Workshop, build: Build) => void): void {
  before(buildShims)
  for (const build of ['shipped', 'sanitized'] as const) {
    describe(`${name}, ${build} build`, () => {
      let shop: Workshop | undefined
      before(() => {
        shop = new Workshop(build)
      })
      after(() => shop?.[Symbol.asyncDispose]())
      define(() => shop ?? assert.fail('no workshop'), build)
    })
  }
}

/** What a test container runs. */
export interface Workload {
  readonly args: readonly string[]
  readonly tty?: boolean
  readonly env?: readonly string[]
  readonly memoryLimit?: number
}

type Overrides = Partial<ShimOptions>

/** Hybrid hosts have both cgroup versions, and old runtimes refuse them. */
export const hybrid = existsSync('/sys/fs/cgroup/unified/cgroup.controllers')

/** A launched shim and its bundle. */
export interface RunningShim extends LaunchedShim {
  readonly id: string
  readonly runDir: string
}

/** A private directory for run dirs and rootfs, as the daemon's exec-root is; removed by `remove`. */
export class Workshop implements AsyncDisposable {
  readonly path: string
  /** The shim that is tested. */
  readonly program: string
  readonly #launched: LaunchedShim[] = []
  #containers: string[] = []

  constructor(build: Build) {
    this.path = mkdtempSync(join(tmpdir(), 'gantry-shim-'))
    bindMount(this.path, this.path)
    setPropagation(this.path, 'private')
    this.program = build === 'shipped' ? builds.shipped : this.#reporting(builds[build])
    makeRootfs(join(this.path, 'base'))
  }

  /** Writes a run dir for a container: its bundle. */
  bundle(workload: Workload, id = randomBytes(8).toString('hex')): { id: string; runDir: string } {
    const runDir = join(this.path, id)
    for (const part of ['rootfs', 'upper', 'work']) mkdirSync(join(runDir, part), { recursive: true })
    writeFileSync(join(runDir, 'config.json'), JSON.stringify(spec(id, runDir, workload)))
    this.#containers.push(id)
    return { id, runDir }
  }

  /** Starts a container with a rootfs of its own. `oom`: have its OOM kills counted. */
  run(workload: Workload, { oom, ...overrides }: Overrides & { oom?: boolean } = {}): RunningShim {
    const { id, runDir } = this.bundle(workload)
    const oomSources = oom ? [oomSource(id)] : []
    return this.start({ id, runDir, tty: workload.tty }, { oomSources, ...overrides })
  }

  /** Starts the container of a bundle. */
  start(bundle: { id: string; runDir: string; tty?: boolean }, overrides: Overrides = {}): RunningShim {
    const { id, runDir, tty } = bundle
    const lower = [join(this.path, 'base')]
    using rootfs = mountOverlay({ lower, upper: join(runDir, 'upper'), work: join(runDir, 'work') })
    const exitRecord = join(runDir, 'exit')
    return { ...this.launch({ mode: 'run', id, runDir, rootfs, tty, exitRecord, ...overrides }), id, runDir }
  }

  /** Runs a further process in a container. */
  exec(container: { runDir: string; id: string }, workload: Workload, overrides: Overrides = {}): LaunchedShim {
    const runDir = join(container.runDir, 'exec', randomBytes(4).toString('hex'))
    mkdirSync(runDir, { recursive: true })
    const process = join(runDir, 'process.json')
    writeFileSync(process, JSON.stringify(processOf(workload)))
    const { tty } = workload
    return this.launch({
      mode: 'exec',
      id: container.id,
      runDir,
      process,
      tty,
      exitRecord: join(runDir, 'exit'),
      ...overrides,
    })
  }

  launch(options: Omit<ShimOptions, 'runtime' | 'runtimeRoot'> & Overrides): LaunchedShim {
    const runtimeRoot = join(this.path, 'runtime')
    const shim = launchShim({ runtime: 'crun', runtimeRoot, hideUnifiedCgroup: hybrid, ...options }, this.program)
    this.#launched.push(shim)
    return shim
  }

  /** Where a container's log is, for `ShimOptions.log`. */
  log(name: string): string {
    return join(this.path, `${name}.log`)
  }

  /** Ends what still runs and removes everything. Fails if a shim ended otherwise than it should. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const shim of this.#launched) await kill(shim)
    const statuses = await Promise.all(this.#launched.map(({ ended }) => ended))
    for (const id of this.#containers) removeCgroups(id)
    unmount(this.path, { detach: true })
    const reports = this.#reports()
    rmSync(this.path, { recursive: true, force: true })
    assert.equal(reports, '', 'what the sanitizers say')
    for (const status of statuses) assert.ok(status === 0 || status === 3, `a shim ended with status ${status}`)
  }

  /** A wrapper that makes a sanitizer write its report where the test finds it. */
  #reporting(program: string): string {
    const wrapper = join(this.path, 'gantry-shim')
    const log = join(this.path, 'sanitizer')
    const variables = `ASAN_OPTIONS=log_path=${log} UBSAN_OPTIONS=log_path=${log}:print_stacktrace=1`
    writeFileSync(wrapper, `#!/bin/sh\n${variables} exec ${program} "$@"\n`)
    chmodSync(wrapper, 0o755)
    return wrapper
  }

  #reports(): string {
    const names = readdirSync(this.path).filter(name => name.startsWith('sanitizer.'))
    return names.map(name => readFileSync(join(this.path, name), 'utf8')).join('\n')
  }
}

async function kill({ connection }: LaunchedShim): Promise<void> {
  const started = await connection.started.catch(() => undefined)
  try {
    if (started) process.kill(started.pid, 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}

function makeRootfs(base: string): void {
  for (const directory of ['bin', 'proc', 'dev', 'sys', 'tmp']) mkdirSync(join(base, directory), { recursive: true })
  copyFileSync('/bin/busybox', join(base, 'bin/busybox'))
  for (const name of [
    'sh',
    'cat',
    'echo',
    'sleep',
    'seq',
    'head',
    'stty',
    'true',
    'yes',
    'dd',
    'printf',
    'awk',
    'tail',
  ])
    symlinkSync('busybox', join(base, 'bin', name))
}

function processOf({ args, tty = false, env = [] }: Workload) {
  return {
    terminal: tty,
    user: { uid: 0, gid: 0 },
    args,
    env: ['PATH=/bin', 'TERM=xterm', ...env],
    cwd: '/',
    noNewPrivileges: true,
  }
}

function spec(id: string, runDir: string, workload: Workload) {
  const namespaces = ['pid', 'ipc', 'uts', 'mount', 'network'].map(type => ({ type }))
  return {
    ociVersion: '1.0.2',
    root: { path: join(runDir, 'rootfs') },
    process: processOf(workload),
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
    ],
    linux: { namespaces, cgroupsPath: `/${cgroupParent}/${id}`, resources: resources(workload) },
  }
}

const resources = ({ memoryLimit }: Workload) =>
  memoryLimit === undefined ? {} : { memory: { limit: memoryLimit, swap: memoryLimit } }

/** The cgroup file that counts a container's OOM kills, on either version. */
function oomSource(id: string): string {
  const v1 = `/sys/fs/cgroup/memory/${cgroupParent}/${id}/memory.oom_control`
  return existsSync('/sys/fs/cgroup/memory') ? v1 : `/sys/fs/cgroup/${cgroupParent}/${id}/memory.events`
}

function removeCgroups(id: string): void {
  const roots = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map(name => `/sys/fs/cgroup/${name}`)]
  for (const root of roots) {
    const path = `${root}/${cgroupParent}/${id}`
    if (existsSync(path)) rmdirSync(path)
  }
}

/** The only attached client of a launch. */
export const clientOf = ({ attached }: LaunchedShim): Socket => attached[0] ?? assert.fail('no client attached')

/** All that a stream delivers until its end. */
export async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The payloads of multiplexed frames, by stream: 1 is stdout, 2 stderr. Fails on a frame that is cut off. */
export function demultiplex(bytes: Buffer): Record<1 | 2, string> {
  const streams: Record<1 | 2, Buffer[]> = { 1: [], 2: [] }
  let at = 0
  while (at < bytes.length) {
    const stream = bytes.readUInt8(at)
    const end = at + 8 + bytes.readUInt32BE(at + 4)
    assert.ok((stream === 1 || stream === 2) && end <= bytes.length, 'a frame is whole')
    streams[stream].push(bytes.subarray(at + 8, end))
    at = end
  }
  return { 1: Buffer.concat(streams[1]).toString(), 2: Buffer.concat(streams[2]).toString() }
}

/** Waits until a condition holds; fails after ten seconds. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + 10_000; !condition(); await sleep(5)) assert.ok(Date.now() < end, what)
}

/** A process's private memory in KiB. */
export function privateMemory(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return [...text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)].reduce((sum, [, size]) => sum + Number(size), 0)
}
