// Containers' files through the API: copied in and out whatever the container does meanwhile, and nothing left behind.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { create, start } from './api.ts'
import { get, getArchive, putArchive } from './archives.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const contentOf = async (engine: Engine, container: string, path: string): Promise<string> => {
  const { body } = await getArchive(engine, container, path)
  return execFileSync('tar', ['-xO'], { input: body, stdio: ['pipe', 'pipe', 'ignore'] }).toString()
}

/** Puts `files` into the directory `path`; resolves to the status. */
async function put(engine: Engine, container: string, path: string, files: Record<string, string>): Promise<number> {
  const folder = join(engine.scratch, 'put')
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return await putArchive(engine, container, path, execFileSync('tar', ['-C', folder, '-c', ...Object.keys(files)]))
}

test('files of containers', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const running = (name: string, ...flags: string[]) =>
    engine.ok(['run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000'])

  await suite.test('an archive goes into a directory that an exec has just made', async () => {
    await running('made')
    for (let round = 0; round < 5; round++) {
      await engine.ok(['exec', 'made', 'mkdir', '-p', `/job/${round}`])
      assert.equal(await put(engine, 'made', `/job/${round}`, { f: `${round}` }), 200)
      assert.equal(await engine.ok(['exec', 'made', 'cat', `/job/${round}/f`]), `${round}`)
    }
  })

  await suite.test('a container that ends and starts again while its files are read shares their mount', async () => {
    await running('shared')
    await engine.ok(['exec', 'shared', 'sh', '-c', 'head -c 40000000 /dev/zero > /big'])
    const slow = await get(engine, '/containers/shared/archive?path=/')
    await engine.ok(['restart', '-t', '0', 'shared'])
    await engine.ok(['exec', 'shared', 'sh', '-c', 'echo later > /later'])
    // Through the mount of the archive that is still being read, and through one of its own.
    assert.equal(await contentOf(engine, 'shared', '/later'), 'later\n')
    assert.equal(await put(engine, 'shared', '/', { put: 'in' }), 200)
    assert.equal(await engine.ok(['exec', 'shared', 'cat', '/put']), 'in')
    assert.ok((await buffer(slow)).length > 40_000_000)
    await engine.ok(['restart', '-t', '0', 'shared'])
    assert.equal(await engine.ok(['exec', 'shared', 'cat', '/put', '/later']), 'inlater')
  })

  await suite.test('who leaves halfway leaves nothing behind, and slow readers hold up nobody', async () => {
    const before = engine.footprint()
    const slow = await Promise.all(Array.from({ length: 20 }, () => get(engine, '/containers/shared/export')))
    assert.equal(await contentOf(engine, 'shared', '/later'), 'later\n')
    for (const answer of slow) answer.destroy()
    await engine.settles(before)
    const half = request({
      socketPath: engine.socket,
      agent: false,
      method: 'PUT',
      path: '/containers/shared/archive?path=/',
    })
    half.on('error', () => {})
    half.write(Buffer.alloc(100_000, 1))
    await until(() => half.socket?.bytesWritten)
    half.destroy()
    await engine.settles(before)
  })

  await suite.test('files in a user namespace have the owners that it has', async () => {
    await create(engine, 'shifted', {
      Cmd: ['sleep', '1000'],
      HostConfig: { UsernsMode: 'private', Binds: ['shifted:/v'] },
    })
    const folder = join(engine.scratch, 'owned')
    mkdirSync(folder)
    for (const [name, id] of Object.entries({ root: 0, user: 1000 })) {
      writeFileSync(join(folder, name), name)
      chownSync(join(folder, name), id, id)
    }
    const archive = execFileSync('tar', ['-C', folder, '-c', 'root', 'user'])
    const owners = async (path: string) => {
      const { body } = await getArchive(engine, 'shifted', path)
      const list = execFileSync('tar', ['-tv', '--numeric-owner'], { input: body }).toString()
      return [...list.matchAll(/(\d+\/\d+) .*(root|user)$/gm)].map(([, owner, name]) => `${name} ${owner}`)
    }
    const check = async () => {
      for (const path of ['/d', '/v']) {
        assert.equal(await putArchive(engine, 'shifted', path, archive), 200)
        assert.deepEqual(await owners(path), ['root 0/0', 'user 1000/1000'])
      }
    }
    await start(engine, 'shifted')
    await engine.ok(['exec', 'shifted', 'mkdir', '/d'])
    await check()
    const seen = await engine.ok(['exec', 'shifted', 'stat', '-c', '%u', '/d/root', '/d/user', '/v/root', '/v/user'])
    assert.equal(seen, '0\n1000\n0\n1000')
    await engine.ok(['exec', 'shifted', 'sh', '-c', 'head -c 20000000 /dev/zero > /big'])
    const whileRunning = await get(engine, '/containers/shifted/archive?path=/')
    await engine.ok(['restart', '-t', '0', 'shifted'])
    await assert.rejects(buffer(whileRunning), { code: 'ECONNRESET' })
    assert.equal(await engine.ok(['exec', 'shifted', 'stat', '-c', '%u', '/d/user']), '1000')
    await engine.ok(['stop', '-t', '0', 'shifted'])
    await check()
    const whileStopped = await get(engine, '/containers/shifted/archive?path=/')
    await start(engine, 'shifted')
    await assert.rejects(buffer(whileStopped), { code: 'ECONNRESET' })
    assert.equal(await engine.ok(['exec', 'shifted', 'stat', '-c', '%u', '/d/user', '/v/user']), '1000\n1000')
    await engine.ok(['rm', '-f', '-v', 'shifted'])
    await engine.ok(['volume', 'rm', 'shifted'])
  })

  await suite.test('paths that can be none are refused', async () => {
    const status = async (path: string) => (await get(engine, `/containers/shared/archive?path=${path}`)).statusCode
    assert.equal(await status('/a%00b'), 400)
    assert.equal(await status(`/${'a'.repeat(5000)}`), 400)
    assert.equal(await status(`/${'a'.repeat(300)}`), 400)
    assert.equal(await status('/bin/busybox/x'), 404)
    await engine.ok(['exec', 'shared', 'ln', '-s', 'loop', '/loop'])
    assert.equal(await status('/loop/x'), 400)
    assert.equal(await status('/loop'), 400)
  })
})
