// The kernel's counters as they are read on both versions of cgroups.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blkioEntries, measureV1 } from './cgroup-v1.ts'
import { measureV2, serviceBytes } from './cgroup-v2.ts'
import { hostCpu, hostMemory, interfaceCounters } from './host.ts'

const v1: Readonly<Record<string, string>> = {
  'cpuacct/cpuacct.usage': '123456789\n',
  'cpuacct/cpuacct.usage_percpu': '100 200 0 0 \n',
  'cpuacct/cpuacct.stat': 'user 3\nsystem 2\n',
  'cpu/cpu.stat': 'nr_periods 5\nnr_throttled 4\nthrottled_time 3000\n',
  'memory/memory.usage_in_bytes': '4096\n',
  'memory/memory.max_usage_in_bytes': '8192\n',
  'memory/memory.failcnt': '0\n',
  'memory/memory.limit_in_bytes': '9223372036854771712\n',
  'memory/memory.stat': 'cache 1\nrss 2\nshmem 7\ntotal_cache 3\n',
  'pids/pids.current': '2\n',
  'pids/pids.max': 'max\n',
  'blkio/blkio.bfq.io_service_bytes_recursive': 'Total 0\n',
  'blkio/blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Total 4096\nTotal 4096\n',
}

test('counters of version 1', () => {
  const measured = measureV1((controller, name) => v1[`${controller}/${name}`], 2)
  assert.deepEqual(measured?.cpu, {
    cpu_usage: {
      total_usage: 123_456_789n,
      percpu_usage: [100n, 200n],
      usage_in_kernelmode: 20_000_000n,
      usage_in_usermode: 30_000_000n,
    },
    throttling_data: { periods: 5n, throttled_periods: 4n, throttled_time: 3000n },
  })
  const { stats, ...memory } = measured?.memory ?? {}
  assert.deepEqual(memory, { usage: 4096n, max_usage: 8192n, limit: 9_223_372_036_854_771_712n })
  assert.deepEqual([stats?.cache, stats?.rss, stats?.total_cache, stats?.shmem], [1n, 2n, 3n, undefined])
  assert.deepEqual(measured?.pids, { current: 2n })
  assert.deepEqual(measured?.blkio.io_service_bytes_recursive, [
    { major: 8, minor: 0, op: 'read', value: 4096n },
    { major: 8, minor: 0, op: 'total', value: 4096n },
  ])
  assert.deepEqual(measured?.blkio.sectors_recursive, [])
})

const v2: Readonly<Record<string, string>> = {
  'cpu.stat': 'usage_usec 10\nuser_usec 6\nsystem_usec 4\nnr_periods 3\nnr_throttled 2\nthrottled_usec 1\n',
  'memory.current': '4096\n',
  'memory.max': 'max\n',
  'memory.stat': 'anon 5\nfile 6\nslab 7\n',
  'memory.events': 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n',
  'pids.current': '3\n',
  'pids.max': '100\n',
  'io.stat': '8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n',
}

test('counters of version 2', () => {
  const measured = measureV2(name => v2[name])
  assert.deepEqual(measured?.cpu, {
    cpu_usage: { total_usage: 10_000n, usage_in_kernelmode: 4000n, usage_in_usermode: 6000n },
    throttling_data: { periods: 3n, throttled_periods: 2n, throttled_time: 1000n },
  })
  const { stats, ...memory } = measured?.memory ?? {}
  assert.deepEqual(memory, { usage: 4096n, failcnt: 1n, limit: 2n ** 64n - 1n })
  assert.deepEqual([stats?.anon, stats?.file, stats?.pgfault], [5n, 6n, 0n])
  assert.deepEqual(measured?.pids, { current: 3n, limit: 100n })
  assert.deepEqual(measured?.blkio.io_service_bytes_recursive, [
    { major: 8, minor: 0, op: 'read', value: 4096n },
    { major: 8, minor: 0, op: 'write', value: 512n },
  ])
  assert.equal(measured?.blkio.io_serviced_recursive, null)
})

test('a container without control groups has no counters', () => {
  assert.equal(
    measureV1(() => undefined, 2),
    undefined,
  )
  assert.equal(
    measureV2(() => undefined),
    undefined,
  )
  assert.deepEqual(blkioEntries('Total 0\n'), [])
  assert.equal(serviceBytes(''), null)
})

test('the host: guests are in the first two numbers already', () => {
  const text = 'cpu  1 2 3 4 5 6 7 8 900 900\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\nintr 1\n'
  assert.deepEqual(hostCpu(text), { system: 360_000_000n, online: 2 })
  assert.equal(hostMemory('MemFree: 1 kB\nMemTotal:       16 kB\n'), 16_384n)
})

test('interfaces: what the engine did not make is left out', () => {
  const numbers = '1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0'
  const head = 'Inter-|   Receive\n face |bytes    packets errs drop fifo frame compressed multicast|bytes\n'
  assert.deepEqual(interfaceCounters(`${head}    lo: ${numbers}\n  eth0:${numbers}\nevil0: ${numbers}\n`), {
    eth0: {
      rx_bytes: 1n,
      rx_packets: 2n,
      rx_errors: 3n,
      rx_dropped: 4n,
      tx_bytes: 5n,
      tx_packets: 6n,
      tx_errors: 7n,
      tx_dropped: 8n,
    },
  })
})
