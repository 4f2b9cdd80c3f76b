// A data root without room: everything that needs some says so in one sentence, everything else works, and what was lost
// is nothing that was acknowledged.

import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { onDockerd, startGantrydWithBusybox } from '../e2e/engine.ts'
import { output } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { type Inventory, accountsForAll, inventory } from './oracle.ts'

/** Mounts a file system of `megabytes` at `path`/disk. */
async function smallDisk(path: string, megabytes: number): Promise<string> {
  const [file, point] = [join(path, 'disk.ext4'), join(path, 'disk')]
  writeFileSync(file, '')
  truncateSync(file, megabytes << 20)
  mkdirSync(point)
  await output(['mkfs.ext4', '-q', '-F', '-m', '0', file])
  await output(['mount', '-o', 'loop', file, point])
  return point
}

/** Fills a disk to the last byte. */
function fill(disk: string): void {
  const ballast = openSync(join(disk, 'ballast'), 'a')
  for (const size of [1 << 20, 4096, 1]) {
    try {
      for (;;) writeSync(ballast, Buffer.alloc(size))
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
    }
  }
  closeSync(ballast)
}

const refused = ['load', 'import', 'create', 'run', 'start', 'volume'] as const

async function attempt(engine: Gantryd, what: (typeof refused)[number]) {
  const { archive, rootfs } = await busyboxImage()
  const commands = {
    load: ['load', '--quiet', '--input', archive],
    import: ['import', rootfs, 'imported'],
    create: ['create', '--name', 'new', '-v', '/data', 'busybox'],
    run: ['run', '--rm', '-v', '/www', 'busybox', 'true'],
    start: ['start', 'stopped'],
    volume: ['volume', 'create', 'new'],
  }
  return await engine.docker(commands[what])
}

test('a full disk', { skip: onDockerd }, async suite => {
  await using place = temporaryDirectory('disk')
  const disk = await smallDisk(place.path, 64)
  await using engine = await startGantrydWithBusybox({ dataRoot: join(disk, 'data') })
  const script = 'until [ -e /tmp/go ]; do echo tick; usleep 10000; done; exit 5'
  const running = ['run', '-d', '--tmpfs', '/tmp', '-v', '/data', 'busybox']
  for (const name of ['one', 'two', 'three']) {
    await engine.ok([...running.slice(0, 2), '--name', name, ...running.slice(2), 'sh', '-c', script])
  }
  await engine.ok(['create', '--name', 'stopped', 'busybox', 'true'])
  const before = await inventory(engine)
  const pids = before.containers.map(({ pid }) => pid)
  fill(disk)

  for (const what of refused) {
    await suite.test(`${what} is refused or works`, async () => {
      const { code, stderr } = await attempt(engine, what)
      fill(disk)
      if (code === 0) return
      assert.match(stderr, /no space left on device|No such file|no such file/i)
      assert.doesNotMatch(stderr, /\bat .*\.ts:\d+|undefined|\[object|SQLITE|errno/)
      assert.ok(
        stderr
          .trim()
          .split('\n')
          .filter(line => line.trim() !== '').length <= 3,
        stderr,
      )
    })
  }

  await suite.test('reading works, and containers write on', async () => {
    const told = await inventory(engine)
    assert.deepEqual(
      told.containers.filter(({ name }) => name !== 'stopped' && name !== 'new').map(({ pid }) => pid),
      pids.slice(0, 1).concat(pids.slice(2)),
    )
    assert.match(await engine.ok(['logs', '--tail', '1', 'one']), /tick/)
    const write = await engine.docker(['exec', 'one', 'dd', 'if=/dev/zero', 'of=/data/x', 'bs=1M', 'count=4'])
    assert.notEqual(write.code, 0)
    assert.match(write.stderr, /No space left on device/)
    await engine.docker(['exec', 'one', 'rm', '/data/x'])
    fill(disk)
  })

  await suite.test('exits are recorded, by a daemon and without one', async () => {
    const waiting = engine.docker(['wait', 'one'])
    await release(before, 'one')
    assert.equal((await waiting).stdout, '5\n')
    fill(disk)
    await engine.kill9()
    await release(before, 'two')
    fill(disk)
    await engine.start()
    const told = await inventory(engine)
    const states = Object.fromEntries(
      told.containers.map(({ name, state, exitCode }) => [name, `${state} ${exitCode}`]),
    )
    assert.equal(states['one'], 'exited 5')
    assert.equal(states['two'], 'exited 5')
    assert.equal(states['three'], 'running 0')
  })

  await suite.test('stopping and removing work', async () => {
    fill(disk)
    await engine.ok(['stop', '--time', '0', 'three'])
    fill(disk)
    await engine.ok(['rm', '--volumes', 'one', 'two', 'three', 'stopped'])
    await engine.docker(['rm', '--force', '--volumes', 'new'])
    await engine.docker(['volume', 'rm', 'new'])
    const told = await inventory(engine)
    assert.deepEqual(told, { containers: [], volumes: [], images: before.images })
    await accountsForAll(engine, told)
  })

  await suite.test('with room again everything works', async () => {
    rmSync(join(disk, 'ballast'))
    assert.equal(await engine.ok(['run', '--rm', '-v', '/data', 'busybox', 'echo', 'recovered']), 'recovered')
    assert.equal((await engine.docker(['import', (await busyboxImage()).rootfs, 'imported'])).code, 0)
    await engine.kill9()
    await engine.start()
    await engine.ok(['image', 'rm', 'imported'])
  })
})

/** Lets a container end, and waits until its first process has. */
async function release({ containers }: Inventory, name: string): Promise<void> {
  const pid = containers.find(container => container.name === name)?.pid ?? 0
  writeFileSync(`/proc/${pid}/root/tmp/go`, '')
  await until(() => !isAlive(pid))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
