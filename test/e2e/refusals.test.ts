// What cannot be done is refused in one sentence and leaves nothing behind, not even on a full disk.

import assert from 'node:assert/strict'
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { writeFixtures } from '../contract/fixtures.ts'
import { output } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

/** Commands that must fail, with the exit status they must have. */
const refusals: readonly (readonly [number, string])[] = [
  [1, 'docker load -i truncated.tar'],
  [1, 'docker load -i empty.tar'],
  [1, 'docker load -i text.tar'],
  [1, 'docker load -i bad-config.tar'],
  [1, 'docker load -i missing-layer.tar'],
  [1, 'docker load -i wrong-layer.tar'],
  [1, 'docker load -i escape.tar'],
  [1, 'docker import text.tar'],
  [125, 'docker run --name taken busybox true'],
  [125, 'docker run --rm -p 8080:80 busybox true'],
  [125, 'docker run --rm -v data:/data -p 8080:80 busybox true'],
  [125, 'docker run --rm --mount type=bind,src=/does/not/exist,dst=/x busybox true'],
  [125, 'docker run --rm --network nothing busybox true'],
  [125, 'docker run --rm --memory 1m busybox true'],
  [125, 'docker run --rm -u nobody-here busybox true'],
  [127, 'docker run --rm busybox nothing'],
  [126, 'docker run --rm busybox /etc/passwd'],
  [125, 'docker run --pull never nothing'],
  [125, 'docker run --rm -w relative busybox true'],
  [125, 'docker run --rm --security-opt nothing=1 busybox true'],
  [127, 'docker run --rm --device /dev/nothing busybox true'],
  [125, 'docker run --rm --volumes-from nothing busybox true'],
]

async function things(engine: Gantryd): Promise<string> {
  const lists = [
    ['ps', '--all', '--quiet'],
    ['images', '--all', '--quiet'],
    ['volume', 'ls', '--quiet'],
  ]
  return (await Promise.all(lists.map(list => engine.ok(list)))).join('\n--\n')
}

test('a refusal says why and leaves nothing', gantrydOnly, async suite => {
  await using engine = await startGantrydWithBusybox()
  await writeFixtures(engine.scratch, await busyboxImage())
  await engine.ok(['volume', 'create', 'data'])
  await engine.ok(['run', '-d', '--name', 'taken', '-p', '8080:80', 'busybox', 'sleep', '600'])
  const [held, listed] = [engine.footprint(), await things(engine)]
  for (const [status, command] of refusals) {
    await suite.test(command, async () => {
      const { code, stderr } = await engine.run(['sh', '-c', command], { cwd: engine.scratch })
      assert.equal(code, status, stderr)
      assert.match(stderr, /\S/)
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+|undefined|\[object|GantryError|KernelError/)
      assert.equal(await things(engine), listed)
      await engine.settles(held)
    })
  }
})

/** Mounts a file system of `size` bytes at `path`/disk. */
async function smallDisk(path: string, size: number): Promise<string> {
  const [file, point] = [join(path, 'disk.ext4'), join(path, 'disk')]
  writeFileSync(file, '')
  truncateSync(file, size)
  mkdirSync(point)
  await output(['mkfs.ext4', '-q', '-F', '-m', '0', file])
  await output(['mount', '-o', 'loop', file, point])
  return point
}

test('a full disk is an error like any other, and freeing space is enough', gantrydOnly, async () => {
  await using place = temporaryDirectory('disk')
  const disk = await smallDisk(place.path, 48 << 20)
  await using engine = await startGantrydWithBusybox({ dataRoot: join(disk, 'data') })
  await engine.ok(['run', '-d', '--name', 'before', 'busybox', 'sleep', '600'])
  const listed = await things(engine)
  await engine.run(['sh', '-c', `cat /dev/zero > ${disk}/ballast`])
  const load = await engine.docker(['load', '-i', (await busyboxImage()).archive.replace(/\.tar$/, '.rootfs.tar')])
  assert.equal(load.code, 1)
  const large = await engine.docker(['import', (await busyboxImage()).rootfs, 'large'])
  assert.equal(large.code, 1)
  assert.match(large.stderr, /no space left on device/)
  assert.equal(await things(engine), listed)
  assert.equal((await engine.docker(['rm', '-f', 'before'])).code, 0)
  rmSync(`${disk}/ballast`)
  assert.equal(await engine.ok(['run', '--rm', 'busybox', 'echo', 'recovered']), 'recovered')
})
