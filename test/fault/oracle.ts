// What an engine may hold, told from what it says that it has: nothing else may be there.

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { cgroupsBelow } from '../kit/cgroups.ts'
import { output } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { allPids, processesMentioning } from '../kit/processes.ts'
import { until } from '../kit/until.ts'

/** What the API tells of a container. */
export interface Known {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly exitCode: number
  readonly pid: number
  readonly volumes: readonly string[]
  readonly published: number
}

/** Everything the API tells that an earlier daemon may have acknowledged. */
export interface Inventory {
  readonly containers: readonly Known[]
  readonly volumes: readonly string[]
  readonly images: readonly string[]
}

/** Asks the engine for all it has. */
export async function inventory(engine: Gantryd): Promise<Inventory> {
  const lines = async (args: readonly string[]) => (await engine.ok(args)).split('\n').filter(Boolean)
  const ids = await lines(['ps', '--all', '--quiet', '--no-trunc'])
  const inspected = ids.length > 0 ? JSON.parse(await engine.ok(['inspect', ...ids])) : []
  return {
    containers: inspected.map(known).toSorted((one: Known, other: Known) => (one.name < other.name ? -1 : 1)),
    volumes: (await lines(['volume', 'ls', '--quiet'])).toSorted(),
    images: (await lines(['images', '--all', '--quiet', '--no-trunc'])).toSorted(),
  }
}

interface Inspected {
  Id: string
  Name: string
  State: { Status: string; ExitCode: number; Pid: number }
  Mounts: { Type: string; Name?: string }[]
  NetworkSettings: { Ports: Record<string, unknown[] | null> | null }
}

function known({ Id, Name, State, Mounts, NetworkSettings }: Inspected): Known {
  return {
    id: Id,
    name: Name.slice(1),
    state: State.Status,
    exitCode: State.ExitCode,
    pid: State.Pid,
    volumes: Mounts.flatMap(({ Type, Name: volume }) => (Type === 'volume' && volume ? [volume] : [])),
    published: Object.values(NetworkSettings.Ports ?? {})
      .flat()
      .filter(Boolean).length,
  }
}

/** Waits until what is on the host is exactly what `inventory` accounts for; rejects with what is not. */
export async function accountsForAll(engine: Gantryd, told: Inventory): Promise<void> {
  let wrong: string[] = []
  const settled = async () => (wrong = await discrepancies(engine, told)).length === 0
  await until(settled, { timeout: 5000, every: 50, what: () => `the host is as the engine says:\n${wrong.join('\n')}` })
}

async function discrepancies(engine: Gantryd, { containers, volumes }: Inventory): Promise<string[]> {
  const running = containers.filter(({ state }) => state === 'running' || state === 'paused')
  const ids = running.map(({ id }) => id)
  const [runRoot, dataRoot] = [engine.execRoot, engine.dataRoot]
  const runtimes = names(join(runRoot, 'runtime')).map(name => join(runRoot, 'runtime', name))
  const groups = cgroupsBelow(engine.cgroupParent).flatMap(path => /[0-9a-f]{64}/.exec(path) ?? [])
  const ruleset = await output(engine.namespace.enter(['nft', '--json', 'list', 'ruleset']))
  const links = await output(engine.namespace.enter(['ip', '-json', 'link', 'show', 'type', 'veth']))
  return [
    ...difference('run dirs', names(join(runRoot, 'containers')), ids),
    ...difference('runtime records', runtimes.flatMap(names), ids),
    ...difference('cgroups', [...new Set<string>(groups)], ids),
    ...difference('shims', shims(runRoot), ids),
    // One that was never started need not have any.
    ...names(join(dataRoot, 'containers'))
      .filter(name => !containers.some(({ id }) => id === name))
      .map(name => `data dirs: ${name} is left over`),
    ...difference('volume dirs', names(join(dataRoot, 'volumes')), volumes),
    ...difference(
      'veths',
      (JSON.parse(links) as unknown[]).map(() => 'veth'),
      ids.map(() => 'veth'),
    ),
    ...(running.some(({ published }) => published > 0) === /"elem"/.test(ruleset)
      ? []
      : ['firewall: elements do not match the published ports']),
  ]
}

const names = (path: string): string[] => (existsSync(path) ? readdirSync(path) : [])

/** Ids of the containers that have a shim of their own. */
function shims(execRoot: string): string[] {
  const commands = [...processesMentioning(`${execRoot}/containers/`, allPids()).values()]
  return commands.flatMap(command => /--mode run .*--id ([0-9a-f]{64})/.exec(command)?.[1] ?? [])
}

function difference(what: string, found: readonly string[], expected: readonly string[]): string[] {
  const [left, missing] = [[...found], [] as string[]]
  for (const thing of expected) {
    const at = left.indexOf(thing)
    if (at < 0) missing.push(thing)
    else left.splice(at, 1)
  }
  return [
    ...left.map(thing => `${what}: ${thing} is left over`),
    ...missing.map(thing => `${what}: ${thing} is missing`),
  ]
}

/** Fails unless `logs` are the numbers from 1 on, each once; `again` allows to begin anew, as after a restart. */
export function assertCounts(logs: string, again = false): void {
  const lines = logs.split('\n').filter(Boolean).map(Number)
  const follows = (line: number, index: number) => line === (lines[index - 1] ?? 0) + 1 || (again && line === 1)
  const wrong = lines.findIndex((line, index) => !follows(line, index))
  assert.equal(wrong, -1, `line ${wrong + 1} of ${lines.length} is ${lines[wrong]}`)
}
