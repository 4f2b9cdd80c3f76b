// Equal files of layers, as a container and the disk have them, with the data root on a file system that has reflinks.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { archive } from '../../src/content/testing.ts'
import { dockerArchive } from '../../src/image/testing.ts'
import { output } from '../kit/command.ts'
import { startGantryd } from '../kit/gantryd.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { onDockerd } from './engine.ts'

test('equal files of two layers are on the disk once, and two files in the container', {
  skip: onDockerd,
}, async () => {
  await using stack = new AsyncDisposableStack()
  const directory = stack.use(temporaryDirectory('shared'))
  const [disk, dataRoot] = [join(directory.path, 'disk'), join(directory.path, 'data')]
  await output(['truncate', '--size=400M', disk])
  await output(['mkfs.xfs', '-q', disk])
  mkdirSync(dataRoot)
  await output(['mount', '-o', 'loop', disk, dataRoot])
  stack.defer(async () => void (await output(['umount', dataRoot])))
  const engine = stack.use(await startGantryd({ dataRoot, flags: ['--debug'] }))
  const content = randomBytes(100_000)
  const file = (name: string) => ({ name, type: 'file', content }) as const
  const image = archive(dockerArchive([{ names: ['two:1'], layers: [[file('a')], [file('b')]] }]))
  const path = join(directory.path, 'two.tar')
  writeFileSync(path, image)
  await engine.ok(['load', '--quiet', '--input', path])
  await engine.ok(['load', '--quiet', '--input', (await busyboxImage()).archive])
  const looked = () => engine.log.split('Files of a layer share blocks').length - 1
  await until(() => looked() === 3, { what: () => engine.log })
  const { UpperDir, LowerDir } = JSON.parse(
    await engine.ok(['image', 'inspect', '-f', '{{json .GraphDriver.Data}}', 'two:1']),
  ) as { UpperDir: string; LowerDir: string }
  for (const place of [join(UpperDir, 'b'), join(LowerDir, 'a')]) {
    assert.match(await output(['filefrag', '-v', place]), /\bshared\b/)
    assert.ok(readFileSync(place).equals(content))
  }
  const mount = ['--mount', 'type=image,source=two:1,destination=/two']
  const seen = await engine.ok(['run', '--rm', ...mount, 'busybox', 'stat', '-c', '%h %i', '/two/a', '/two/b'])
  const [[links, inode], [otherLinks, otherInode]] = seen.split('\n').map(line => line.split(' ')) as [
    string[],
    string[],
  ]
  assert.deepEqual([links, otherLinks], ['1', '1'])
  assert.notEqual(inode, otherInode)
})
