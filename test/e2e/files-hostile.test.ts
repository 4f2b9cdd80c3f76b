// Copies from and to containers that do their worst meanwhile: nothing outside of them is read or written.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { Command } from '../kit/command.ts'
import { until } from '../kit/until.ts'
import { getArchive, putArchive } from './archives.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

/** How long each race is run, in milliseconds. */
const raceTime = 1500

test('copies from and to hostile containers', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  const canary = join(engine.scratch, 'canary')
  const bound = join(engine.scratch, 'bound')
  for (const directory of [canary, bound]) mkdirSync(directory)
  writeFileSync(join(canary, 'secret'), 'the host’s')
  const checkCanary = () => {
    assert.deepEqual(readdirSync(canary), ['secret'])
    assert.equal(readFileSync(join(canary, 'secret'), 'utf8'), 'the host’s')
  }
  await engine.ok(['run', '-d', '--name', 'bad', '-v', `${bound}:/v`, 'busybox', 'sleep', '1000'])
  // Links lead to a place of the same name inside.
  await engine.ok(['exec', 'bad', 'sh', '-c', `mkdir -p ${canary}/sub; echo "the container’s" > ${canary}/secret`])

  /** Races `copy` against a directory `d` in the bind mount that is a link to `target` every other moment. */
  async function race(target: string, copy: () => Promise<boolean>): Promise<number> {
    rmSync(bound, { recursive: true, force: true })
    mkdirSync(join(bound, 'd/sub'), { recursive: true })
    writeFileSync(join(bound, 'd/secret'), 'the container’s')
    writeFileSync(join(bound, 'd/sub/secret'), 'the container’s')
    symlinkSync(target, join(bound, 'l'))
    await using swapper = new Command([process.execPath, join(import.meta.dirname, 'swapper.ts'), bound, target])
    await swapper.prints(/swapping/)
    let hits = 0
    for (const end = performance.now() + raceTime; performance.now() < end; ) if (await copy()) hits++
    assert.ok(swapper.running, swapper.stderr)
    checkCanary()
    return hits
  }

  // From the bind mount up to the host's root, had it no end.
  const targets = () => [canary, `../../../../../../../..${canary}`, join(engine.directory, 'scratch/canary')]

  await suite.test('what is read is the container’s', async () => {
    await engine.ok(['restart', '-t', '0', 'bad'])
    for (const target of targets()) {
      const hits = await race(target, async () => {
        const { status, body } = await getArchive(engine, 'bad', '/v/d/')
        if (status !== 200) return false
        assert.ok(!body.includes('the host’s'))
        return body.includes('the container’s')
      })
      assert.ok(hits > 0)
    }
  })

  await suite.test('what is written is the container’s', async () => {
    const archive = join(engine.scratch, 'tree')
    mkdirSync(join(archive, 'd/sub'), { recursive: true })
    for (const name of ['secret', 'new', 'sub/new']) writeFileSync(join(archive, 'd', name), 'written')
    const bytes = execFileSync('tar', ['-C', archive, '-c', 'd'])
    const inner = execFileSync('tar', ['-C', join(archive, 'd'), '-c', '.'])
    await engine.ok(['restart', '-t', '0', 'bad'])
    for (const target of targets()) {
      const hits = await race(target, async () => {
        const [whole, part] = await Promise.all([
          putArchive(engine, 'bad', '/v', bytes),
          putArchive(engine, 'bad', '/v/d/sub', inner),
        ])
        checkCanary()
        return whole === 200 || part === 200
      })
      assert.ok(hits > 0)
    }
  })

  await suite.test('what is neither file nor directory hangs nothing and is not opened', async () => {
    rmSync(bound, { recursive: true, force: true })
    mkdirSync(bound)
    await engine.ok(['restart', '-t', '0', 'bad'])
    const server = createServer().listen(join(bound, 'socket'))
    await until(() => server.listening)
    try {
      // Watchdog, and a terminal that nobody has: opening them would have effects.
      const make = 'mkfifo /v/fifo; mknod /v/dog c 10 130; mknod /v/block b 7 99; echo x > /v/file; ln /v/fifo /v/fifo2'
      await engine.ok(['exec', 'bad', 'sh', '-c', make])
      const { body } = await getArchive(engine, 'bad', '/v')
      const list = execFileSync('tar', ['-tv', '--numeric-owner'], { input: body }).toString()
      const kinds = list
        .trim()
        .split('\n')
        .map(line => `${line.charAt(0)} ${line.split(' ').at(-1)}`)
      assert.deepEqual(kinds, ['d v/', 'b v/block', 'c v/dog', 'p v/fifo', 'p v/fifo2', '- v/file'])
      assert.match(list, / 10,130 /)
    } finally {
      server.close()
    }
  })

  await suite.test('trees of any depth and names of any bytes are copied, or refused in time', async () => {
    const deep =
      'cd /v; i=0; while [ $i -lt 300 ]; do mkdir dddddddd && cd dddddddd || exit 1; i=$((i+1)); done; echo end > f'
    await engine.ok(['exec', 'bad', 'sh', '-c', deep])
    const { body } = await getArchive(engine, 'bad', '/v/dddddddd')
    const names = execFileSync('tar', ['-t'], { input: body }).toString().trim().split('\n')
    assert.equal(names.length, 301)
    assert.equal(names.at(-1), `${'dddddddd/'.repeat(300)}f`)
    // Deeper than a path can say.
    const chain = (top: string) => `mkdir ${top}; ${deep.replace('cd /v', `cd ${top}`).replace('echo end > f', 'pwd')}`
    await engine.ok(['exec', 'bad', 'sh', '-c', `${chain('/one')}; ${chain('/deep')}; mv /one .`])
    assert.equal((await getArchive(engine, 'bad', '/deep')).complete, false)
    assert.equal((await engine.docker(['diff', 'bad'])).code, 1)
    const odd = `n=$(printf 'a\\377\\n b'); echo odd > "/v/$n"; touch /v/${'n'.repeat(255)}`
    await engine.ok(['exec', 'bad', 'sh', '-c', `rm -r /deep /v/dddddddd; ${odd}`])
    const oddArchive = (await getArchive(engine, 'bad', '/v')).body
    await engine.ok(['exec', 'bad', 'mkdir', '/back'])
    assert.equal(await putArchive(engine, 'bad', '/back', oddArchive), 200)
    assert.equal(await engine.ok(['exec', 'bad', 'sh', '-c', 'cat /back/v/a*; ls /back/v | wc -l']), 'odd\n7')
  })

  await suite.test('what an archive says leads nowhere but into the container', async () => {
    const tree = join(engine.scratch, 'links')
    mkdirSync(tree)
    symlinkSync(canary, join(tree, 'out'))
    symlinkSync('../../../../../../../..', join(tree, 'up'))
    const links = execFileSync('tar', ['-C', tree, '-c', '.'])
    assert.equal(await putArchive(engine, 'bad', '/back', links), 200)
    for (const name of ['out', 'up']) rmSync(join(tree, name))
    for (const name of ['out', `up${canary}`]) mkdirSync(join(tree, name), { recursive: true })
    for (const name of ['out/secret', `up${canary}/secret`]) writeFileSync(join(tree, name), 'written')
    const through = execFileSync('tar', ['-C', tree, '-c', '--no-recursion', 'out/secret', `up${canary}/secret`])
    assert.equal(await putArchive(engine, 'bad', '/back', through), 200)
    checkCanary()
    assert.equal(await engine.ok(['exec', 'bad', 'cat', `${canary}/secret`]), 'written')
  })
})
