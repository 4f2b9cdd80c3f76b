// In dockerd's place: at Docker's socket as well, so that clients need not be told where to look.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { Command, run } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const gantrydOnly = { skip: onDockerd }

// The machine's own /run stays as it is.
const ownRun = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec "$@"', 'sh']
const flags = ['--host=unix:///run/docker.sock']

/** The command that runs `argv` where the daemon is, as somebody who was told nothing. */
const beside = ({ pid }: Gantryd, argv: readonly string[]) => ['nsenter', '-t', String(pid), '-m', '-n', '--', ...argv]

test('clients that know only Docker’s socket are served, also from within containers', gantrydOnly, async () => {
  await using engine = await startGantrydWithBusybox({ launcher: () => ownRun, flags })
  const env = { DOCKER_HOST: undefined, DOCKER_CONTEXT: undefined }
  const { stdout, stderr } = await run(beside(engine, ['docker', 'run', '--rm', 'busybox', 'echo', 'found']), { env })
  assert.equal(stdout, 'found\n', stderr)
  const probe = 'test -S /var/run/docker.sock && echo socket'
  const bind = '/run/docker.sock:/var/run/docker.sock'
  assert.equal(await engine.ok(['run', '--rm', '-v', bind, 'busybox', 'sh', '-c', probe]), 'socket')
  const mode = await run(beside(engine, ['stat', '-c', '%U %a', '/run/docker.sock']))
  assert.equal(mode.stdout, 'root 660\n')
})

test(
  'a socket that another engine serves is left alone; one left by a dead engine is replaced',
  gantrydOnly,
  async () => {
    await using engine = await startGantrydWithBusybox()
    await using place = new Command([...ownRun, 'sh', '-c', 'echo made; exec cat'])
    await place.prints(/made/)
    const activate = join(import.meta.dirname, '../kit/activate.py')
    await using other = new Command(
      inPlace(place, ['/usr/bin/python3', activate, 'x=unix:/run/docker.sock', '--', 'cat']),
    )
    await until(async () => (await run(inPlace(place, ['test', '-S', '/run/docker.sock']))).code === 0)
    await engine.stop()
    const argv = inPlace(place, engine.namespace.enter([...engine.argv, ...flags]))
    const { code, stderr } = await run(argv, { timeout: 20_000 })
    assert.equal(code, 1)
    assert.match(
      stderr,
      /failed to listen on unix:\/\/\/run\/docker\.sock: another process, most likely dockerd, is listening/,
    )
    await other[Symbol.asyncDispose]()
    await using daemon = new Command(argv)
    await until(() => daemon.stderr.includes('API listen on'))
    const env = { DOCKER_HOST: undefined, DOCKER_CONTEXT: undefined }
    assert.equal((await run(inPlace(place, ['docker', 'ps', '--quiet']), { env })).code, 0)
    daemon.kill('SIGTERM')
    await daemon.finish()
    await engine.start()
  },
)

const inPlace = ({ pid }: Command, argv: readonly string[]) => ['nsenter', '-t', String(pid), '-m', '--', ...argv]
