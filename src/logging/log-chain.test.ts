// The files of a log while they are renamed one by one.

import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { openChain } from './log-source.ts'

async function textOf(path: string): Promise<string> {
  const chain = await openChain(path)
  const texts = await Promise.all(chain.map(async ({ handle }) => (await handle.readFile()).toString()))
  await Promise.all(chain.map(({ handle }) => handle.close()))
  return texts.join(' ')
}

test('a chain that is opened in the middle of a rotation is whole', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'chain-'))
  try {
    const path = join(directory, 'log')
    for (const [name, text] of [
      ['log', 'new'],
      ['log.1', 'old'],
      ['log.2', 'older'],
    ] as const)
      writeFileSync(join(directory, name), text)
    assert.equal(await textOf(path), 'older old new')
    // As the shim does it, with a reader between any two of its steps; a pause is time for one that would not wait.
    renameSync(`${path}.2`, `${path}.3`)
    renameSync(`${path}.1`, `${path}.2`)
    const withGap = textOf(path)
    await new Promise(resolve => setTimeout(resolve, 20))
    renameSync(path, `${path}.1`)
    const withoutNewest = textOf(path)
    await new Promise(resolve => setTimeout(resolve, 20))
    writeFileSync(path, 'newest')
    assert.deepEqual(await Promise.all([withGap, withoutNewest]), Array(2).fill('older old new newest'))
  } finally {
    rmSync(directory, { recursive: true })
  }
})
