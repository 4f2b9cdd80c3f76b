// A container's cgroups: who is in them, freezing, killing and removing them, on version 2, version 1 and hybrid hosts.

import { existsSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '../kernel/ffi.ts'
import { invalid, system } from '../lib/errors.ts'
import { cleanPath } from '../lib/paths.ts'
import { type CgroupLayout, detectCgroups, limitSupport } from './cgroup-layout.ts'
import type { LimitSupport } from './verify.ts'

// A fork bomb under a pids limit takes a few rounds; an empty cgroup is removable at once or after its last exit.
const patience = { totalMillis: 10_000, firstMillis: 1, longestMillis: 50 }

/** A counter in a file of `key value` lines that grows when the kernel kills a process for lack of memory. */
export interface OomCounter {
  path: string
  key: 'oom_kill'
}

/** All cgroups of this host, addressed by path. */
export class Cgroups {
  readonly layout: CgroupLayout

  constructor(layout: CgroupLayout = detectCgroups()) {
    this.layout = layout
  }

  /** True on a host with cgroup version 2 only. */
  get isUnified(): boolean {
    return this.layout.version === 2
  }

  /** The cgroup at `path`, whether or not it exists. */
  at(path: string): Cgroup {
    return new Cgroup(this.layout, path)
  }

  limitSupport(): LimitSupport {
    return limitSupport(this.layout)
  }

  /** See the methods of Cgroup. */
  pids(path: string): number[] {
    return this.at(path).pids()
  }

  async freeze(path: string): Promise<void> {
    await this.at(path).freeze()
  }

  async thaw(path: string): Promise<void> {
    await this.at(path).thaw()
  }

  /** Kills what is still in the cgroup, then removes it from every hierarchy. */
  async clear(path: string): Promise<void> {
    await this.at(path).kill()
    await this.at(path).remove()
  }
}

/** The cgroups at one path, such as `/gantry/ID`, in every hierarchy. They need not exist. */
export class Cgroup {
  readonly path: string
  readonly #layout: CgroupLayout

  /** Throws if `path` isn't clean, absolute and below the root: it ends up in calls that remove directories. */
  constructor(layout: CgroupLayout, path: string) {
    if (!path.startsWith('/') || path === '/' || cleanPath(path) !== path || path.includes('\0')) {
      throw invalid(`invalid cgroup path ${JSON.stringify(path)}`)
    }
    this.#layout = layout
    this.path = path
  }

  get version(): 1 | 2 {
    return this.#layout.version
  }

  /** The directory in the hierarchy of `controller`; undefined if that isn't mounted. Version 2 has one for all. */
  directory(controller: string): string | undefined {
    const mountPoint = this.#layout.hierarchies.get(this.#layout.version === 2 ? 'unified' : controller)
    return mountPoint === undefined ? undefined : join(mountPoint, this.path)
  }

  /** The directories in all hierarchies that exist. */
  directories(): string[] {
    const mountPoints = new Set(this.#layout.hierarchies.values())
    return [...mountPoints].map(mountPoint => join(mountPoint, this.path)).filter(path => existsSync(path))
  }

  /** The processes in it and in the cgroups below it, ascending. */
  pids(): number[] {
    const found = this.directories()
      .flatMap(tree)
      .flatMap(directory => numbers(join(directory, 'cgroup.procs')))
    // Processes of other pid namespaces show as 0.
    return [...new Set(found)].filter(pid => pid > 0).toSorted((a, b) => a - b)
  }

  /** Where the kernel counts the processes it killed for lack of memory; undefined without the controller. */
  oomCounter(): OomCounter | undefined {
    const directory = this.directory('memory')
    if (directory === undefined) return undefined
    const name = this.#layout.version === 2 ? 'memory.events' : 'memory.oom_control'
    return { path: join(directory, name), key: 'oom_kill' }
  }

  /** Stops every process in it and returns once all have stopped; thaws it again if that takes too long. */
  async freeze(): Promise<void> {
    const frozen = await this.#setFrozen(true)
    if (frozen) return
    await this.#setFrozen(false)
    throw system(
      `The processes in cgroup ${this.path} could not be frozen within ${patience.totalMillis / 1000} seconds`,
    )
  }

  /** Lets every process in it run again. */
  async thaw(): Promise<void> {
    if (await this.#setFrozen(false)) return
    throw system(`The processes in cgroup ${this.path} could not be thawed`)
  }

  /** True if it is frozen, by whomever. */
  isFrozen(): boolean {
    const { file, frozen } = this.#freezer()
    return frozen.test(read(file))
  }

  async #setFrozen(wanted: boolean): Promise<boolean> {
    const { control, file, frozen, thawed, values } = this.#freezer()
    const done = wanted ? frozen : thawed
    for await (const _ of attempts()) {
      // Version 1 may need to be told again when processes fork meanwhile.
      writeFileSync(control, values[wanted ? 1 : 0])
      if (done.test(read(file))) return true
    }
    return false
  }

  #freezer() {
    const directory = this.directory('freezer')
    if (directory === undefined) throw system('The freezer cgroup is not mounted, so containers cannot be paused')
    return this.#layout.version === 2
      ? {
          control: join(directory, 'cgroup.freeze'),
          file: join(directory, 'cgroup.events'),
          frozen: /^frozen 1$/m,
          thawed: /^frozen 0$/m,
          values: ['0', '1'] as const,
        }
      : {
          control: join(directory, 'freezer.state'),
          file: join(directory, 'freezer.state'),
          frozen: /^FROZEN$/m,
          thawed: /^THAWED$/m,
          values: ['THAWED', 'FROZEN'] as const,
        }
  }

  /** Kills every process in it and below, frozen or not, and returns when none is left. */
  async kill(): Promise<void> {
    for await (const _ of attempts()) {
      if (this.pids().length === 0) return
      this.#killOnce()
    }
    throw system(`Processes in cgroup ${this.path} do not die: ${this.pids().join(', ')}`)
  }

  #killOnce() {
    const unified = this.#layout.version === 2 ? this.directory('unified') : undefined
    if (unified !== undefined && writeIfThere(join(unified, 'cgroup.kill'), '1')) return
    const state = this.directory('freezer')
    const control =
      state === undefined ? undefined : join(state, this.#layout.version === 2 ? 'cgroup.freeze' : 'freezer.state')
    const [thaw, freeze] = this.#layout.version === 2 ? ['0', '1'] : ['THAWED', 'FROZEN']
    // What is frozen can't fork or hand its number to another process while the list is worked through.
    if (control) writeIfThere(control, freeze)
    for (const pid of this.pids()) killIfThere(pid)
    if (control) writeIfThere(control, thaw)
  }

  /** Removes it and the cgroups below it from every hierarchy. They must be empty of processes, or about to be. */
  async remove(): Promise<void> {
    let busy: string[] = []
    for await (const _ of attempts()) {
      busy = [...this.directories(), ...this.#second()]
        .flatMap(directory => tree(directory).toReversed())
        .filter(directory => !remove(directory))
      if (busy.length === 0) return
    }
    throw system(`cgroup ${busy.join(', ')} could not be removed: processes ${this.pids().join(', ')} are in it`)
  }

  #second(): string[] {
    const path = this.#layout.second === undefined ? undefined : join(this.#layout.second, this.path)
    return path !== undefined && existsSync(path) ? [path] : []
  }

  /** Removes it where nothing is in it: for the parent of containers' cgroups, when the last has gone. */
  removeIfEmpty(): void {
    for (const directory of [...this.directories(), ...this.#second()]) remove(directory)
  }
}

/** A directory and all below it, parents first. */
function tree(directory: string): string[] {
  const found = [directory]
  for (const parent of found) {
    for (const entry of list(parent)) if (entry.isDirectory()) found.push(join(parent, entry.name))
  }
  return found
}

function list(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV')) return []
    throw error
  }
}

/** True if the directory is gone. */
function remove(directory: string): boolean {
  try {
    rmdirSync(directory)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return true
    if (hasCode(error, 'EBUSY', 'ENOTEMPTY')) return false
    throw error
  }
}

const numbers = (path: string) => read(path).split('\n').filter(Boolean).map(Number)

// A cgroup may vanish between finding and reading it.
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV')) return ''
    throw error
  }
}

/** True if the file was there to be written. */
function writeIfThere(path: string, value: string): boolean {
  try {
    writeFileSync(path, value, { flag: 'r+' })
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENODEV')) return false
    throw error
  }
}

function killIfThere(pid: number) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}

/** Yields at once, then after growing pauses, until the patience has run out. */
async function* attempts(): AsyncGenerator<void> {
  const end = performance.now() + patience.totalMillis
  for (let pause = patience.firstMillis; ; pause = Math.min(pause * 2, patience.longestMillis)) {
    yield
    if (performance.now() > end) return
    await delay(pause)
  }
}
