// What an engine holds of the host, so that a test can say that it holds no more than before.

import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'

import { cgroupsBelow } from './cgroups.ts'
import type { NetworkNamespace } from './netns.ts'
import { allPids, processesMentioning } from './processes.ts'
import { mountsBelow } from './temporary.ts'

/** Things held, by kind; each thing is named by text. */
export type Footprint = Readonly<Record<string, readonly string[]>>

/** Where to look. */
export interface Subject {
  readonly pid: number
  readonly directory: string
  readonly dataRoot: string
  readonly execRoot: string
  readonly cgroupParent: string
  readonly namespace: NetworkNamespace
}

/** Takes stock. Links and firewall are those of the engine's network namespace. */
export function footprint(subject: Subject): Footprint {
  return {
    mounts: [...new Set([subject.directory, subject.dataRoot].flatMap(mountsBelow))],
    processes: [...processesMentioning(subject.execRoot, allPids()).values()],
    // The parent itself may be made by the first container and stay.
    cgroups: cgroupsBelow(subject.cgroupParent).filter(path => !path.endsWith(subject.cgroupParent)),
    links: inside(subject, ['ip', '-brief', 'link']).map(line => line.split(/[ @]/)[0] ?? ''),
    addresses: inside(subject, ['ip', '-oneline', 'address']).map(line => line.replace(/^\d+: |\\.*$/g, '')),
    firewall: inside(subject, ['nft', '--stateless', 'list', 'ruleset']),
    runDirectories: children(join(subject.execRoot, 'containers')),
    dataDirectories: ['containers', 'tmp'].flatMap(name => children(join(subject.dataRoot, name))),
    descriptors: descriptors(subject.pid),
  }
}

/** What `after` has and `before` had not (or fewer of), one line each. */
export function differences(before: Footprint, after: Footprint): string[] {
  return Object.entries(after).flatMap(([kind, things]) =>
    missing(before[kind] ?? [], things).map(thing => `${kind}: ${thing}`),
  )
}

function missing(before: readonly string[], after: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const thing of before) left.set(thing, (left.get(thing) ?? 0) + 1)
  return after.filter(thing => {
    const count = left.get(thing) ?? 0
    left.set(thing, count - 1)
    return count <= 0
  })
}

function inside(subject: Subject, argv: readonly string[]): string[] {
  const [file = '', ...args] = subject.namespace.enter(argv)
  const { stdout, status, stderr } = spawnSync(file, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`)
  return stdout.split('\n').filter(line => line.trim() !== '')
}

/** Descriptors by kind of target: numbers in `socket:[1234]` differ from one moment to the next. */
function descriptors(pid: number): string[] {
  const links = entries(`/proc/${pid}/fd`)
    .map(name => target(`/proc/${pid}/fd/${name}`))
    .filter(link => link !== '')
    .map(link => link.replace(/\[\d+\]$/, '[]'))
  return withoutLoops(links)
}

/**
 * Those of an event loop, which every thread has one of: threads come and go. It has one for watching files from the
 * first time that something is watched.
 */
const loop = [
  'anon_inode:[io_uring]',
  'anon_inode:[eventpoll]',
  'anon_inode:[eventfd]',
  'anon_inode:inotify',
  'pipe:[]',
  'pipe:[]',
]

function withoutLoops(links: readonly string[]): string[] {
  const left = [...links]
  for (let count = links.filter(link => link === loop[0]).length; count > 0; count--) {
    for (const link of loop) {
      const index = left.indexOf(link)
      if (index >= 0) left.splice(index, 1)
    }
  }
  return left
}

function target(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function children(path: string): string[] {
  return entries(path).map(name => join(path, name))
}

function entries(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}
