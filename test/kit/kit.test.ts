// The kit itself, on the engine that is known to work: a test that can't fail proves nothing.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'

import { run } from './command.ts'
import { startDockerd } from './dockerd.ts'
import { busyboxImage } from './images.ts'
import { lanPeer } from './netns.ts'
import { allPids, processesMentioning } from './processes.ts'
import { until } from './until.ts'

test('dockerd runs a container that a LAN peer reaches, and leaves nothing', async () => {
  let directory = ''
  {
    await using engine = await startDockerd()
    directory = engine.directory
    await engine.ok(['load', '-i', (await busyboxImage()).archive])
    await engine.ok(['run', '-d', '-p', '8080:80', 'busybox', 'httpd', '-f', '-h', '/var/www'])
    await using peer = await lanPeer(engine.namespace)
    const fetch = peer.enter(['busybox', 'wget', '-qO-', `http://${peer.hostAddress}:8080/`])
    await until(async () => (await run(fetch)).stdout === 'It works\n')
  }
  assert.equal(existsSync(directory), false)
  assert.deepEqual([...processesMentioning(directory, allPids()).values()], [])
})

test('a pseudo-terminal passes keys, size and exit status', async () => {
  await using engine = await startDockerd()
  await engine.ok(['load', '-i', (await busyboxImage()).archive])
  await using terminal = engine.terminal(['run', '--rm', '-it', 'busybox', 'sh'], { rows: 30, columns: 100 })
  await terminal.prints(/# /)
  terminal.write('stty size\r')
  await terminal.prints(/30 100/)
  terminal.resize(40, 120)
  await until(
    async () => {
      terminal.write('stty size\r')
      return /40 120/.test(terminal.stdout)
    },
    { every: 200 },
  )
  terminal.write('exit 7\r')
  assert.equal((await terminal.finish()).code, 7)
})

test('what does not come true is an error that names it', async () => {
  await assert.rejects(
    until(() => false, { timeout: 1, what: () => 'the moon' }),
    /the moon/,
  )
  await assert.rejects(run(['sleep', '60'], { timeout: 50 }), /Still running after 50 ms: sleep 60/)
})
