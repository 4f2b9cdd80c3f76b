// Limits in the kernel's words, and changes that take effect wholly or not at all.

import { deepEqual, equal, throws } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { detectCgroups } from './cgroup-layout.ts'
import { changeLimits, controlFiles } from './cgroup-limits.ts'
import { Cgroup } from './cgroup.ts'
import type { ResourceRequest } from './request.ts'

const mega = 1 << 20
const written = (limits: ResourceRequest, version: 1 | 2) =>
  Object.fromEntries(controlFiles(limits, version).map(({ name, value }) => [name, value]))

const read = (cgroup: Cgroup, limits: ResourceRequest) =>
  Object.fromEntries(
    controlFiles(limits, cgroup.version).map(({ controller, name }) => {
      const directory = cgroup.directory(controller) ?? ''
      return [name, readFileSync(join(directory, name), 'utf8').trim()]
    }),
  )

describe('limits', () => {
  it('are lifted on version 2 where there are none', () => {
    deepEqual(written({}, 2), {
      'memory.max': 'max',
      'memory.swap.max': 'max',
      'memory.low': '0',
      'cpu.weight': '100',
      'cpu.max': 'max 100000',
      'pids.max': 'max',
    })
  })

  it('are in the words of version 2', () => {
    const limits = {
      Memory: 64 * mega,
      MemorySwap: 96 * mega,
      MemoryReservation: mega,
      PidsLimit: 5,
      BlkioWeight: 1000,
    }
    deepEqual(written({ ...limits, NanoCpus: 1.5e9, CpuShares: 1024, CpusetCpus: '0' }, 2), {
      'memory.max': String(64 * mega),
      'memory.swap.max': String(32 * mega),
      'memory.low': String(mega),
      'cpu.weight': '39',
      'cpu.max': '150000 100000',
      'pids.max': '5',
      'io.weight': '10000',
      'cpuset.cpus': '0',
    })
    equal(written({ Memory: mega, MemorySwap: -1 }, 2)['memory.swap.max'], 'max')
    equal(written({ Memory: mega, MemorySwap: mega }, 2)['memory.swap.max'], '0')
    equal(written({ CpuQuota: 20_000, CpuPeriod: 50_000 }, 2)['cpu.max'], '20000 50000')
    deepEqual(
      [2, 262_144].map(CpuShares => written({ CpuShares }, 2)['cpu.weight']),
      ['1', '10000'],
    )
  })

  it('are in the words of version 1', () => {
    const limits = { Memory: 64 * mega, MemorySwap: 96 * mega, PidsLimit: -1, CpuRealtimePeriod: 1000, BlkioWeight: 10 }
    const files = written(limits, 1)
    equal(files['memory.limit_in_bytes'], String(64 * mega))
    equal(files['memory.memsw.limit_in_bytes'], String(96 * mega))
    equal(files['pids.max'], 'max')
    equal(files['cpu.rt_period_us'], '1000')
    equal(files['blkio.weight'], '10')
    equal(written({ MemorySwap: -1 }, 1)['memory.memsw.limit_in_bytes'], '-1')
  })
})

describe('limits of a cgroup', () => {
  const layout = detectCgroups()

  function makeCgroup(): Cgroup & AsyncDisposable {
    const cgroup = new Cgroup(layout, `/gantry-limits-test-${randomBytes(4).toString('hex')}`)
    for (const mountPoint of new Set(layout.hierarchies.values())) mkdirSync(join(mountPoint, cgroup.path))
    return Object.assign(cgroup, { [Symbol.asyncDispose]: () => cgroup.remove() })
  }

  it('change up and down, memory and swap together', async () => {
    await using cgroup = makeCgroup()
    let before: ResourceRequest = {}
    for (const size of [64, 32, 256, 16]) {
      const after = { Memory: size * mega, MemorySwap: 2 * size * mega, PidsLimit: size, NanoCpus: size * 1e7 }
      changeLimits(cgroup, before, after)
      const there = read(cgroup, after)
      const limited = Object.entries(written(after, cgroup.version)).filter(([, value]) => !/^(-1|0|max)$/.test(value))
      deepEqual(there, { ...there, ...Object.fromEntries(limited) })
      before = after
    }
  })

  it('stay as they were if one of them is refused', async () => {
    await using cgroup = makeCgroup()
    const before = { Memory: 64 * mega, MemorySwap: 128 * mega, PidsLimit: 7 }
    changeLimits(cgroup, {}, before)
    const there = read(cgroup, before)
    const after = { Memory: 32 * mega, MemorySwap: 32 * mega, PidsLimit: 8, CpusetCpus: '4000' }
    throws(() => changeLimits(cgroup, before, after), { kind: 'conflict', message: /refuses 4000 for cpuset\.cpus/ })
    deepEqual(read(cgroup, before), there)
  })
})
