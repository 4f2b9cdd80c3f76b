// Attached clients, execs, logs and waits: what they get, when they end, and that they leave nothing behind.

import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

import type { Engine } from '../kit/engine.ts'
import { until } from '../kit/until.ts'
import { ask, call, create, inspect, messageOf, remove, start, take, unframed } from './api.ts'
import { onDockerd, startEngine } from './engine.ts'

const attach = '/containers/cc/attach?stream=1&stdin=1&stdout=1&stderr=1'
const lasting = { Cmd: ['sleep', '1000'] }

async function withContainer(engine: Engine, body: object, use: (id: string) => Promise<void>): Promise<void> {
  const id = await create(engine, 'cc', body)
  try {
    await use(id)
  } finally {
    await remove(engine, 'cc')
  }
}

async function createExec(engine: Engine, body: object): Promise<string> {
  const request = { AttachStdout: true, AttachStderr: true, ...body }
  return (await ask<{ Id: string }>(engine, 'POST', '/containers/cc/exec', request)).Id
}

interface ExecState {
  readonly ExitCode: number | null
  readonly Running: boolean
}

const execState = (engine: Engine, id: string) => ask<ExecState>(engine, 'GET', `/exec/${id}/json`)

test('attach', async suite => {
  await using engine = await startEngine()

  await suite.test('clients that attach before the start get everything, each for itself', async () => {
    const script = 'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo bad >&2'
    await withContainer(engine, { Cmd: ['sh', '-c', script] }, async () => {
      const clients = await Promise.all(Array.from({ length: 240 }, () => take(engine, attach)))
      await start(engine, 'cc')
      const lines = Array.from({ length: 2000 }, (_, number) => `line ${number}\n`).join('')
      for (const client of clients) {
        assert.deepEqual(unframed(await client.rest()), { stdout: lines, stderr: 'bad\n' })
      }
    })
  })

  await suite.test('more clients than a shim takes do not keep it from starting', { skip: onDockerd }, async () => {
    await withContainer(engine, { Cmd: ['echo', 'said'] }, async () => {
      const clients = await Promise.all(Array.from({ length: 300 }, () => take(engine, attach)))
      await start(engine, 'cc')
      const heard = await Promise.all(clients.map(async client => unframed(await client.rest()).stdout))
      assert.ok(heard.filter(text => text === 'said\n').length >= 240)
    })
  })

  await suite.test('clients that attach while it starts are joined', async () => {
    await withContainer(engine, { Cmd: ['sh', '-c', 'sleep 1; echo late'] }, async () => {
      const starting = start(engine, 'cc')
      const clients = await Promise.all(Array.from({ length: 20 }, () => take(engine, attach)))
      await starting
      for (const client of clients) assert.equal(unframed(await client.rest()).stdout, 'late\n')
    })
  })

  for (const [StdinOnce, Tty, ends] of [
    [true, false, false],
    [false, false, true],
    [true, true, true],
    [false, true, true],
  ] as const) {
    await suite.test(`end of input with StdinOnce ${StdinOnce} and Tty ${Tty}`, async () => {
      const Cmd = ['sh', '-c', 'cat; echo done']
      await withContainer(engine, { Cmd, OpenStdin: true, StdinOnce, Tty }, async () => {
        const client = await take(engine, attach)
        await start(engine, 'cc')
        client.socket.write('hello\n')
        await until(() => client.soFar().includes('hello'))
        client.socket.end()
        const output = await client.rest()
        assert.match(output, /hello/)
        assert.equal(!output.includes('done'), ends)
        await until(async () => (await inspect(engine, 'cc')).State.Running === ends)
      })
    })
  }

  await suite.test('without any stream there is nothing to wait for', async () => {
    await withContainer(engine, lasting, async () => {
      await start(engine, 'cc')
      assert.equal(await (await take(engine, '/containers/cc/attach?stream=1')).rest(), '')
    })
  })

  await suite.test('the logs of a stopped container come at once, whatever follows', async () => {
    await withContainer(engine, { Cmd: ['echo', 'x'] }, async () => {
      await start(engine, 'cc')
      await until(async () => (await inspect(engine, 'cc')).State.Status === 'exited')
      const client = await take(engine, '/containers/cc/attach?stream=1&logs=1&stdout=1')
      await until(() => client.soFar().includes('x\n'))
      client.socket.destroy()
      assert.match(unframed(await (await take(engine, '/containers/cc/attach?logs=1&stdout=1')).rest()).stdout, /^x\n$/)
    })
  })

  await suite.test('a paused container is not attached to', async () => {
    await withContainer(engine, lasting, async () => {
      await start(engine, 'cc')
      await ask(engine, 'POST', '/containers/cc/pause')
      assert.match((await take(engine, attach)).status, /409/)
    })
  })
})

test('exec', async suite => {
  await using engine = await startEngine()

  await suite.test(
    'what cannot be started says so in the stream, and its exit code is a shell’s',
    { skip: onDockerd },
    () =>
      withContainer(engine, lasting, async () => {
        await start(engine, 'cc')
        const cases: readonly (readonly [object, number, RegExp])[] = [
          [{ Cmd: ['nothing'] }, 127, /executable file not found in \$PATH\r\n$/],
          [{ Cmd: ['/etc/passwd'] }, 126, /permission denied\r\n$/],
          [{ Cmd: ['/no/such'] }, 127, /no such file or directory\r\n$/],
          [{ Cmd: ['true'], User: 'nobody-here' }, 126, /^unable to find user nobody-here/],
        ]
        for (const [body, code, message] of cases) {
          for (const Tty of [false, true]) {
            const id = await createExec(engine, { ...body, Tty })
            const output = await (await take(engine, `/exec/${id}/start`, { Tty })).rest()
            assert.match(Tty ? output : unframed(output).stdout, message)
            assert.deepEqual((await execState(engine, id)).ExitCode, code)
          }
          const id = await createExec(engine, body)
          assert.equal((await call(engine, 'POST', `/exec/${id}/start`, { Detach: true })).status, 400)
        }
      }),
  )

  await suite.test('exit codes, one start only, and no trace in the container afterwards', () =>
    withContainer(engine, lasting, async () => {
      await start(engine, 'cc')
      const id = await createExec(engine, { Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 7'] })
      assert.deepEqual((await inspect(engine, 'cc')).ExecIDs, [id])
      const output = await (await take(engine, `/exec/${id}/start`, {})).rest()
      assert.deepEqual(unframed(output), { stdout: 'out\n', stderr: 'err\n' })
      await until(async () => (await execState(engine, id)).ExitCode === 7)
      const again = await call(engine, 'POST', `/exec/${id}/start`, { Detach: true })
      assert.deepEqual([again.status, messageOf(again)], [409, `Error: Exec command ${id} has already run`])
      assert.equal((await inspect(engine, 'cc')).ExecIDs, null)
    }),
  )

  await suite.test('input ends by half close; a terminal’s end of input ends the connection', () =>
    withContainer(engine, lasting, async () => {
      await start(engine, 'cc')
      const cat = await createExec(engine, { Cmd: ['sh', '-c', 'cat; echo done'], AttachStdin: true })
      const client = await take(engine, `/exec/${cat}/start`, {})
      client.socket.end('hello\n')
      assert.equal(unframed(await client.rest()).stdout, 'hello\ndone\n')
      const tty = await createExec(engine, { Cmd: ['cat'], AttachStdin: true, Tty: true })
      const terminal = await take(engine, `/exec/${tty}/start`, { Tty: true })
      terminal.socket.end('hello\n')
      await terminal.rest()
    }),
  )

  await suite.test('the terminal has the size asked for before the start', { skip: onDockerd }, () =>
    withContainer(engine, lasting, async () => {
      await start(engine, 'cc')
      // crun sets the size while the program starts, so its first look may be too early; nobody sets it later.
      const look = 'until stty size | grep -vx "0 0"; do :; done'
      const id = await createExec(engine, { Cmd: ['sh', '-c', look], AttachStdin: true, Tty: true })
      assert.equal((await call(engine, 'POST', `/exec/${id}/resize?h=30&w=90`)).status, 200)
      assert.equal(await (await take(engine, `/exec/${id}/start`, { Tty: true })).rest(), '30 90\r\n')
    }),
  )

  await suite.test('a paused or stopped container runs nothing more; execs that never ran are forgotten', () =>
    withContainer(engine, lasting, async () => {
      assert.equal((await call(engine, 'POST', '/containers/cc/exec', { Cmd: ['true'] })).status, 409)
      await start(engine, 'cc')
      const id = await createExec(engine, { Cmd: ['true'] })
      await ask(engine, 'POST', '/containers/cc/pause')
      assert.equal((await call(engine, 'POST', '/containers/cc/exec', { Cmd: ['true'] })).status, 409)
      assert.match((await take(engine, `/exec/${id}/start`, {})).status, /409/)
      await ask(engine, 'POST', '/containers/cc/kill')
      assert.equal((await call(engine, 'GET', `/exec/${id}/json`)).status, 404)
    }),
  )
})

test('abandoned streams leave no descriptors behind', { skip: onDockerd }, async () => {
  await using engine = await startEngine()
  const descriptors = () => readdirSync(`/proc/${engine.pid}/fd`).length
  await withContainer(engine, { Cmd: ['cat'], OpenStdin: true }, async () => {
    await create(engine, 'idle', lasting)
    await start(engine, 'cc')
    const exec = await createExec(engine, { Cmd: ['true'] })
    await (await take(engine, `/exec/${exec}/start`, {})).rest()
    await pause(100)
    const before = descriptors()
    const paths = [
      attach,
      '/containers/idle/attach?stream=1&stdout=1',
      '/containers/cc/wait?condition=next-exit',
      '/containers/idle/wait?condition=removed',
    ]
    for (let round = 0; round < 25; round++) {
      const clients = await Promise.all(Array.from({ length: 40 }, (_, index) => take(engine, paths[index % 4] ?? '')))
      for (const { socket } of clients) socket.destroy()
    }
    for (let round = 0; round < 5; round++) {
      const ids = await Promise.all(
        Array.from({ length: 8 }, () => createExec(engine, { Cmd: ['cat'], AttachStdin: true })),
      )
      const clients = await Promise.all(ids.map(id => take(engine, `/exec/${id}/start`, {})))
      for (const { socket } of clients) socket.destroy()
    }
    const followers = Array.from({ length: 50 }, () => engine.watch(['logs', '-f', 'cc']))
    await pause(500)
    await Promise.all(followers.map(follower => follower[Symbol.asyncDispose]()))
    await until(() => descriptors() <= before, { timeout: 30_000, what: () => `${descriptors()} ≤ ${before}` })
  })
  await remove(engine, 'idle')
})
