// Layers on their way here: in which order those who wait are told.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Repository } from '../distribution/remote.ts'
import { digestOf } from '../oci/digest.ts'
import { Downloads } from './downloads.ts'
import { imageStore } from './testing.ts'

const listener = { onWaiting() {}, onProgress() {}, onVerifying() {}, onRetry() {} }

test('why a layer does not come is told before what came of it is cut off', async () => {
  await using place = await imageStore()
  const { blobs } = place.store
  const downloads = new Downloads(blobs, () => ({ concurrent: 1, attempts: 1 }))
  const repository = {
    async *blob() {
      yield Buffer.from('wrong')
    },
  } as unknown as Repository
  using hold = blobs.hold()
  using download = downloads.fetch({ digest: digestOf('right'), size: 5 }, repository, hold, listener)
  const order: string[] = []
  const told = assert.rejects(download.done, /verification failed/).then(() => order.push('told'))
  const { growth } = await download.archive
  const arrived = growth?.arrived ?? new BigInt64Array(0)
  for (let there = Atomics.load(arrived, 0); there !== -1n; there = Atomics.load(arrived, 0)) {
    await Atomics.waitAsync(arrived, 0, there).value
  }
  order.push('cut off')
  await told
  assert.deepEqual(order, ['told', 'cut off'])
})
