// What a layer changes, told by overlayfs itself: trees are changed through a mount, and the layer packed and unpacked again.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { constants, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openPath } from '../../kernel/descriptor.ts'
import { mountOverlay } from '../../kernel/mount.ts'
import { setXattrAt } from '../../kernel/xattr.ts'
import { TarReader } from '../../lib/tar/reader.ts'
import { defaultLimits } from '../limits.ts'
import { readArchive, temporaryDirectory } from '../testing.ts'
import { Unpacker } from '../unpacker.ts'
import { archived } from './archive.ts'
import { changeKinds, changesOf } from './changes.ts'
import { packLayer } from './pack.ts'

const readable = constants.O_RDONLY | constants.O_DIRECTORY
const letters = Object.entries({ M: changeKinds.modified, A: changeKinds.added, D: changeKinds.deleted })

/** A lower tree of some files, and an upper layer in which `script` has changed them. */
function changed(script: string) {
  const place = temporaryDirectory()
  for (const name of ['lower', 'upper', 'work']) mkdirSync(place.join(name))
  for (const name of ['d/deep/er', 'e', 'full']) mkdirSync(place.join('lower', name), { recursive: true })
  for (const name of ['d/f', 'd/deep/g', 'd/deep/er/h', 'full/1', 'full/2'])
    writeFileSync(place.join('lower', name), name)
  symlinkSync('d', place.join('lower/link'))
  const [lower, upper, work] = ['lower', 'upper', 'work'].map(name => place.join(name)) as [string, string, string]
  {
    using tree = mountOverlay({ lower: [lower], upper, work })
    execFileSync('sh', ['-ec', script], { cwd: `/proc/${process.pid}/fd/${tree.number}`, stdio: 'pipe' })
  }
  return { place, lower, upper, [Symbol.dispose]: () => place[Symbol.dispose]() }
}

function changesIn({ lower, upper }: { lower: string; upper: string }): string[] {
  using layer = openPath(upper, readable)
  using tree = openPath(lower, readable)
  return changesOf(layer, tree).map(({ path, kind }) => `${letters.find(([, value]) => value === kind)?.[0]} ${path}`)
}

function packed(upper: string): Buffer {
  using layer = openPath(upper, readable)
  // Pieces are good until the next one only.
  return Buffer.concat(Array.from(archived(packLayer(layer)), piece => Buffer.from(piece)))
}

const cases: readonly (readonly [script: string, changes: readonly string[], names: readonly string[]])[] = [
  ['true', [], []],
  ['touch new; mkdir a a/b; touch a-b', ['A /a', 'A /a/b', 'A /a-b', 'A /new'], ['a/', 'a/b/', 'a-b', 'new']],
  ['rm d/f', ['M /d', 'D /d/f'], ['d/', 'd/.wh.f']],
  ['rm -r d', ['D /d'], ['.wh.d']],
  ['echo more >> d/deep/g', ['M /d', 'M /d/deep', 'M /d/deep/g'], ['d/', 'd/deep/', 'd/deep/g']],
  ['chmod 700 e; chmod 711 d/deep', ['M /d', 'M /d/deep', 'M /e'], ['d/', 'd/deep/', 'e/']],
  // Copied up, and as it was.
  ['chmod 600 d/f; chmod 644 d/f', [], ['d/', 'd/f']],
  [
    'rm -r full; mkdir full; echo x > full/2; echo y > full/3',
    ['M /full', 'D /full/1', 'M /full/2', 'A /full/3'],
    ['full/', 'full/.wh..wh..opq', 'full/2', 'full/3'],
  ],
  ['rm -r full; echo x > full', ['M /full'], ['full']],
  ['rm link; mkdir link; touch link/x', ['M /link', 'A /link/x'], ['link/', 'link/.wh..wh..opq', 'link/x']],
  ['touch t; rm t', [], []],
  ['ln d/f h; mkfifo p', ['M /d', 'A /h', 'A /p'], ['d/', 'd/f', 'h', 'p']],
]

for (const [script, changes, names] of cases) {
  test(`changes and layer of: ${script}`, () => {
    using layer = changed(script)
    // A name that a file gains is no change of its content, but of its number of names only.
    assert.deepEqual(
      changesIn(layer).filter(line => line !== 'M /d' || changes.includes(line)),
      changes.filter(line => !(script.startsWith('ln') && line === 'M /d')),
    )
    assert.deepEqual(
      readArchive(packed(layer.upper)).map(({ name }) => name),
      names,
    )
  })
}

test('a layer that was packed and unpacked changes the same, and packs the same', () => {
  using layer = changed(
    cases
      .map(([script]) => script)
      .filter(script => !script.includes('full'))
      .slice(1, 4)
      .join('; '),
  )
  using opaque = changed('rm -r full; mkdir full; echo y > full/3; chmod 1777 full')
  {
    using upper = openPath(opaque.upper, readable)
    setXattrAt(upper, 'full', 'user.a', Buffer.from('b'))
  }
  for (const { upper, lower, place } of [layer, opaque]) {
    mkdirSync(place.join('again'))
    const archive = packed(upper)
    {
      using root = openPath(place.join('again'), readable)
      using unpacker = new Unpacker(root, defaultLimits)
      const reader = new TarReader()
      for (const event of reader.push(archive)) unpacker.handle(event)
      for (const event of reader.finish()) unpacker.handle(event)
      unpacker.finish()
    }
    assert.deepEqual(changesIn({ upper: place.join('again'), lower }), changesIn({ upper, lower }))
    assert.ok(packed(place.join('again')).equals(archive))
    assert.ok(readdirSync(place.join('again')).length > 0)
  }
})

test('names that would hide something are refused', () => {
  using layer = changed('touch e/.wh.x')
  assert.throws(() => packed(layer.upper), { kind: 'invalid', message: /cannot make a layer with "\/e\/\.wh\.x"/ })
})
