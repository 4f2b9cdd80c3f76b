// A daemon that has had many containers is as it was: no descriptors, no memory, nothing on the host.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import { output } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { accountsForAll, inventory } from './oracle.ts'

const gantrydOnly = { skip: onDockerd }
const rounds = 10
/** Rounds after which the heap has come to what collecting it is worth: it grows by some thirty MiB until then. */
const settled = 7
const clients = 8
const each = 5

/** Resident memory of the daemon in MiB. */
function residentSize({ pid }: Gantryd): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}

async function work(engine: Gantryd, client: number): Promise<void> {
  const names = Array.from({ length: each }, (_, index) => `c${client}-${index}`)
  for (const name of names) {
    await engine.ok(['run', '-d', '--name', name, '-p', '80', '-v', '/data', 'busybox', 'sleep', '600'])
    await engine.ok(['exec', name, 'true'])
    await engine.ok(['logs', name])
    await engine.ok(['run', '--rm', 'busybox', 'true'])
  }
  await engine.ok(['rm', '--force', '--volumes', ...names])
}

test(`${rounds * clients * each} containers later`, gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox()
  const sizes: number[] = []
  const descriptors: number[] = []
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: clients }, (_, client) => work(engine, client)))
    await accountsForAll(engine, await inventory(engine))
    sizes.push(residentSize(engine))
    descriptors.push(readdirSync(`/proc/${engine.pid}/fd`).length)
  }
  const growth = (sizes.at(-1) ?? 0) - (sizes[settled - 1] ?? 0)
  assert.ok(growth < 20, `MiB after each round: ${sizes.map(Math.round)}`)
  assert.ok((descriptors.at(-1) ?? 0) <= (descriptors[1] ?? 0) + 2, `descriptors after each round: ${descriptors}`)
})

test('a bridge without room for another port says so', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox({ checkLeaks: false })
  // Both ends of 512 pairs, without the last: as many ports as a bridge has.
  const pairs = Array.from({ length: 512 }, (_, index) => [`left${index}`, `right${index}`] as const)
  const add = pairs.map(([left, right]) => `link add ${left} type veth peer name ${right}`)
  const join = pairs
    .flat()
    .slice(1)
    .map(name => `link set ${name} master gantry0`)
  await output(engine.namespace.enter(['ip', '-batch', '-']), { stdin: [...add, ...join, ''].join('\n') })
  const full = engine.footprint()
  const { code, stderr } = await engine.docker(['run', '--rm', '-p', '80', '-v', '/data', 'busybox', 'true'])
  assert.equal(code, 125)
  assert.match(stderr, /The bridge has as many containers as the kernel lets it have/)
  await engine.settles(full)
  await output(engine.namespace.enter(['ip', 'link', 'del', 'right511']))
  await engine.ok(['run', '--rm', 'busybox', 'true'])
})
