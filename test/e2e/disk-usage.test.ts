// GET /system/df in both forms, and what pruning frees.

import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import type { SystemDataUsage } from '../../src/api/types/system.ts'
import type { Engine } from '../kit/engine.ts'
import { ask, call, messageOf } from './api.ts'
import { startGantrydWithBusybox } from './engine.ts'

const megabyte = 1_048_576
const write = (path: string) => ['sh', '-c', `dd if=/dev/zero of=${path} bs=1M count=1 2>/dev/null`]

const filters = (value: object) => encodeURIComponent(JSON.stringify(value))

async function usage(engine: Engine, version: string, query = ''): Promise<SystemDataUsage> {
  const url = `http://x/${version}/system/df?${query}`
  const { stdout } = await engine.run(['curl', '-s', '--unix-socket', engine.socket, url])
  return JSON.parse(stdout)
}

test('disk usage', async suite => {
  await using engine = await startGantrydWithBusybox()
  await engine.ok(['run', '--name', 'w1', '-v', 'used:/v', 'busybox', ...write('/file')])
  await engine.ok(['run', '--rm', '-v', 'free:/v', 'busybox', ...write('/v/file')])
  await engine.ok(['run', '-d', '--name', 'up', 'busybox', 'sleep', '1000'])

  await suite.test('lists before API 1.52', async () => {
    const { LayersSize, Images, Containers, Volumes, BuildCache, ImageUsage } = await usage(engine, 'v1.51')
    assert.equal(ImageUsage, undefined)
    assert.deepEqual(BuildCache, [])
    assert.equal(Images?.[0]?.Containers, 2)
    assert.equal(Images?.[0]?.SharedSize, 0)
    assert.equal(LayersSize, Images?.[0]?.Size)
    assert.deepEqual(Containers?.map(({ Names, SizeRw }) => [Names[0], (SizeRw ?? 0) >= megabyte]).toSorted(), [
      ['/up', false],
      ['/w1', true],
    ])
    assert.deepEqual(
      Volumes?.map(({ Name, UsageData }) => [Name, UsageData?.RefCount, UsageData?.Size]),
      [
        ['free', 0, megabyte],
        ['used', 1, 0],
      ],
    )
  })

  await suite.test('sums since 1.52, with the objects only if asked for', async () => {
    const both = await usage(engine, 'v1.52')
    assert.ok(both.Images && both.ImageUsage)
    const { Images, ImageUsage, ContainerUsage, VolumeUsage, BuildCacheUsage } = await usage(engine, 'v1.53')
    assert.equal(Images, undefined)
    assert.deepEqual(VolumeUsage, { ActiveCount: 1, Reclaimable: megabyte, TotalCount: 2, TotalSize: megabyte })
    assert.deepEqual(BuildCacheUsage, { ActiveCount: 0, Reclaimable: 0, TotalCount: 0, TotalSize: 0 })
    assert.equal(ImageUsage?.Reclaimable, 0)
    // The older form has no place for the blobs that images came as.
    const blobs = readdirSync(join(engine.dataRoot, 'blobs/sha256')).map(name =>
      join(engine.dataRoot, 'blobs/sha256', name),
    )
    const bytes = blobs.reduce((sum, path) => sum + statSync(path).size, 0)
    assert.equal(ImageUsage?.TotalSize, (both.LayersSize ?? 0) + bytes)
    assert.deepEqual([ContainerUsage?.ActiveCount, ContainerUsage?.TotalCount], [1, 2])
    const verbose = await usage(engine, 'v1.53', 'verbose=1&type=volume')
    assert.deepEqual(Object.keys(verbose), ['VolumeUsage'])
    assert.deepEqual(
      verbose.VolumeUsage?.Items?.map(({ Name }) => Name),
      ['free', 'used'],
    )
  })

  await suite.test('kinds are chosen, and unknown ones refused', async () => {
    const some = await usage(engine, 'v1.44', 'type=container&type=image')
    assert.equal(some.Volumes, null)
    assert.ok(some.Containers && some.Images)
    const bad = await call(engine, 'GET', '/system/df?type=bad')
    assert.deepEqual([bad.status, messageOf(bad)], [400, 'unknown object type: bad'])
  })

  await suite.test('docker system df', async () => {
    assert.match(await engine.ok(['system', 'df']), /^Containers +2 +1 +1\.\d+MB/m)
    assert.match(await engine.ok(['system', 'df', '-v']), /^free +0 +1\.049MB$/m)
  })

  await suite.test('pruning tells what it freed, and leaves what the filters exclude', async () => {
    const kept = await ask<{ ContainersDeleted: string[] }>(
      engine,
      'POST',
      `/containers/prune?filters=${filters({ until: ['1h'] })}`,
    )
    assert.deepEqual(kept.ContainersDeleted.length, 0)
    assert.equal((await call(engine, 'POST', `/networks/prune?filters=${filters({ bad: ['1'] })}`)).status, 400)
    const output = await engine.ok(['system', 'prune', '--force', '--all', '--volumes', '--filter', 'label!=keep'])
    assert.match(output, /^Deleted Containers:\n[0-9a-f]{64}\n/m)
    assert.match(output, /^Total reclaimed space: 1\.\d+MB$/m)
    assert.match(
      await engine.ok(['volume', 'prune', '--all', '--force']),
      /free\nused\n\nTotal reclaimed space: 1\.049MB$/,
    )
  })
})
