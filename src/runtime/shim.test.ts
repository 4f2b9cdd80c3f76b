// The shim with real containers: start and exit, failures, what it holds, and life without a daemon.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createNetworkNamespace } from '../kernel/namespace.ts'
import { pidfdGetFd, pidfdOpen } from '../kernel/pidfd.ts'
import { socketPair } from '../kernel/spawn.ts'
import { clientOf, demultiplex, describeShim, everything, hybrid, privateMemory } from './shim-testing.ts'
import { StartFailure, connectShim, readExitRecord } from './shim.ts'

const output = { stdout: true, stderr: true }
const idle = { args: ['sleep', '1000'] }

describeShim('start and exit', (shop, build) => {
  test('a container runs, a client attached before the start gets its output, its exit is told', async () => {
    const shim = shop().run({ args: ['sh', '-c', 'echo out; echo err >&2; exit 7'] }, { attach: [output] })
    const received = everything(clientOf(shim))
    const { pid, startedAt } = await shim.connection.started
    assert.ok(pid > 1 && startedAt > 0n)
    const exit = await shim.connection.exited
    assert.deepEqual({ ...exit, finishedAt: 0n }, { pid, code: 7, signal: 0, oomKilled: false, finishedAt: 0n })
    assert.ok(exit && exit.finishedAt >= startedAt)
    assert.deepEqual(demultiplex(await received), { 1: 'out\n', 2: 'err\n' })
    assert.equal(await shim.ended, 0)
    assert.deepEqual(readExitRecord(join(shim.runDir, 'exit')), exit)
  })

  test('a container ended by a signal has the code a shell gives it', async () => {
    const shim = shop().run(idle)
    process.kill((await shim.connection.started).pid, 'SIGKILL')
    const exit = await shim.connection.exited
    assert.deepEqual([exit?.code, exit?.signal, exit?.oomKilled], [137, 9, false])
  })

  test('a container killed for want of memory is told from one that was killed', async () => {
    const args = ['awk', 'BEGIN { for (;;) a[n++] = n "x" }']
    const shim = shop().run({ args, memoryLimit: 16 * 1024 * 1024 }, { oom: true })
    const exit = await shim.connection.exited
    assert.deepEqual([exit?.code, exit?.signal, exit?.oomKilled], [137, 9, true])
  })

  test('the shim leaves nothing mounted on the host, and the container sees its rootfs and network namespace', async () => {
    using network = createNetworkNamespace()
    const expected = readlinkSync(network.path)
    const shim = shop().run(idle, { networkNamespace: network })
    const { pid } = await shim.connection.started
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    assert.ok(!mounts.includes(`${shim.runDir}/rootfs`) && !mounts.includes(`${shim.runDir}/netns`))
    const held = readFileSync(`/proc/${shim.pid}/mountinfo`, 'utf8')
    assert.ok(held.includes(`${shim.runDir}/rootfs`) && held.includes(`${shim.runDir}/netns`))
    assert.ok(held.includes(expected))
    assert.equal(existsSync(`/proc/${pid}/root/bin/busybox`), true)
    if (hybrid) assert.ok(mounts.includes('/sys/fs/cgroup/unified'))
    process.kill(pid, 'SIGKILL')
    assert.equal(await shim.ended, 0)
  })

  test('no descriptor of the daemon reaches the container', async () => {
    const shim = shop().run(
      { args: ['sh', '-c', 'cd /proc/self/fd; echo *'] },
      { attach: [output], reservations: socketPair() },
    )
    // The shell itself has the directory open that it lists.
    assert.match(demultiplex(await everything(clientOf(shim)))[1], /^0 1 2( 3)?\n$/)
  })

  test('the shim itself is small', { skip: build === 'sanitized' }, async () => {
    // With a second one the pages of the program count for neither: they are on the host once.
    const other = shop().run(idle, { log: { path: shop().log('other') } })
    const shim = shop().run(idle, { log: { path: shop().log('small') } })
    await Promise.all([other.connection.started, shim.connection.started])
    assert.ok(privateMemory(shim.pid) < 500, `${privateMemory(shim.pid)} KiB`)
  })

  test('hiding the unified cgroup tree does not reach the host through a shared mount', { skip: !hybrid }, () => {
    const script = `mount --make-rshared /sys/fs/cgroup && "$0" "$@"; grep -c ' /sys/fs/cgroup/unified ' /proc/self/mountinfo`
    const shim = [
      '--mode',
      'run',
      '--run-dir',
      shop().path,
      '--id',
      'x',
      '--runtime',
      '/bin/false',
      '--runtime-root',
      '/x',
    ]
    const command = ['-m', 'sh', '-c', script, shop().program, ...shim, '--hide-unified-cgroup']
    assert.equal(execFileSync('unshare', command, { encoding: 'utf8' }), '1\n')
  })

  test('the container has no signal ignored or blocked', async () => {
    const shim = shop().run({ args: ['cat', '/proc/self/status'] }, { attach: [output] })
    const status = demultiplex(await everything(clientOf(shim)))[1]
    assert.match(status, /SigBlk:\t0+\nSigIgn:\t0+\n/)
  })

  test('a run dir whose path is longer than a socket’s address can be', async () => {
    const { id, runDir } = shop().bundle({ args: ['cat'], tty: true }, 'x'.repeat(110))
    const shim = shop().start({ id, runDir, tty: true }, { openStdin: true })
    await shim.connection.started
    const client = await shim.connection.attach({ ...output, stdin: true })
    const received = everything(client)
    client.write('hello\n\x04')
    assert.equal((await received).toString(), 'hello\r\nhello\r\n')
    assert.equal((await shim.connection.exited)?.code, 0)
  })
})

describeShim('failure to start', shop => {
  test('tells what the runtime said, and nothing of it reaches a client', async () => {
    const shim = shop().run({ args: ['/no/such/program'] }, { attach: [output], log: { path: shop().log('none') } })
    const received = everything(clientOf(shim))
    await assert.rejects(shim.connection.started, (error: unknown) => {
      assert.ok(error instanceof StartFailure)
      assert.match(error.message, /executable file `\/no\/such\/program` not found/)
      assert.equal(error.status, 1)
      return true
    })
    assert.equal((await received).length, 0)
    assert.equal(readFileSync(shop().log('none'), 'utf8'), '')
    assert.equal(await shim.connection.exited, undefined)
    assert.equal(await shim.ended, 3)
    assert.equal(existsSync(join(shim.runDir, 'exit')), false)
  })

  test('tells that the runtime is not there', async () => {
    const shim = shop().run(idle, { runtime: '/no/such/runtime' })
    await assert.rejects(shim.connection.started, /posix_spawn \/no\/such\/runtime: No such file or directory/)
  })

  test('tells what the shim itself could not do', async () => {
    const shim = shop().run(idle, { log: { path: '/no/such/directory/log' } })
    await assert.rejects(shim.connection.started, /open \/no\/such\/directory\/log: No such file or directory/)
  })

  test('with a terminal, too', async () => {
    const shim = shop().run({ args: ['/no/such/program'], tty: true }, { attach: [output] })
    await assert.rejects(shim.connection.started, /executable file `\/no\/such\/program` not found/)
  })
})

describeShim('exec', (shop, build) => {
  test('exit codes and signals', { concurrency: true }, async () => {
    const container = shop().run(idle)
    await container.connection.started
    const codes = build === 'shipped' ? Array.from({ length: 256 }, (_, code) => code) : [0, 1, 2, 126, 127, 128, 255]
    const exitOf = async (script: string) =>
      (await shop().exec(container, { args: ['sh', '-c', script] }).connection.exited)?.code
    for (let at = 0; at < codes.length; at += 16) {
      const some = codes.slice(at, at + 16)
      assert.deepEqual(await Promise.all(some.map(code => exitOf(`exit ${code}`))), some)
    }
    const signals = [1, 2, 6, 9, 11, 13, 15, 34]
    const received = await Promise.all(signals.map(signal => exitOf(`kill -${signal} $$`)))
    assert.deepEqual(
      received,
      signals.map(signal => 128 + signal),
    )
  })

  test('what the container’s process missed is told, and the container runs on', async () => {
    const container = shop().run(idle)
    await container.connection.started
    const shim = shop().exec(container, { args: ['nonesuch'] })
    await assert.rejects(shim.connection.started, /executable file `nonesuch` not found/)
    const next = shop().exec(container, { args: ['true'] })
    assert.equal((await next.connection.exited)?.code, 0)
  })

  test('a child that keeps the output open delays the exit only a moment', async () => {
    const container = shop().run(idle)
    await container.connection.started
    const shim = shop().exec(container, { args: ['sh', '-c', 'sleep 600 & echo done'] }, { attach: [output] })
    const { startedAt } = await shim.connection.started
    const exit = await shim.connection.exited
    assert.ok(exit && exit.code === 0 && exit.finishedAt - startedAt < 5_000_000_000n)
    assert.equal(demultiplex(await everything(clientOf(shim)))[1], 'done\n')
    assert.equal(await shim.ended, 0)
  })
})

describeShim('without a daemon', shop => {
  test('the container runs on, a new daemon finds it and its reservations', async () => {
    const [reservation, other] = socketPair()
    const shim = shop().run({ args: ['cat'] }, { openStdin: true, reservations: [reservation, other] })
    const started = await shim.connection.started
    const inode = readlinkSync(other.path)
    reservation.close()
    other.close()
    shim.connection.close()
    const found = await connectShim(shim.runDir)
    assert.ok(found)
    assert.equal(found.state.phase, 'running')
    assert.equal(found.state.shimPid, shim.pid)
    assert.deepEqual(await found.connection.started, started)
    using process = pidfdOpen(found.state.shimPid)
    using again = pidfdGetFd(process, found.state.reservations[1] ?? -1)
    assert.equal(readlinkSync(again.path), inode)
    const client = await found.connection.attach({ ...output, stdin: true, closesStdin: true })
    client.end('hello\n')
    assert.equal(demultiplex(await everything(client))[1], 'hello\n')
    assert.equal((await found.connection.exited)?.code, 0)
    await found.ended
    assert.equal(await connectShim(shim.runDir), undefined)
  })

  test('the exit is on record when nobody was there to hear of it', async () => {
    const shim = shop().run(
      { args: ['sh', '-c', 'read line; exit 42'] },
      { openStdin: true, attach: [{ stdin: true, closesStdin: true }] },
    )
    await shim.connection.started
    shim.connection.close()
    clientOf(shim).end('go\n')
    await shim.ended
    const exit = readExitRecord(join(shim.runDir, 'exit'))
    assert.equal(exit?.code, 42)
    assert.equal(readExitRecord(join(shim.runDir, 'nothing')), undefined)
  })

  test('two daemons hear the same', async () => {
    const shim = shop().run({ args: ['sh', '-c', 'read line; exit 3'] }, { openStdin: true })
    await shim.connection.started
    const found = await connectShim(shim.runDir)
    shim.connection.closeStdin()
    assert.deepEqual(await found?.connection.exited, await shim.connection.exited)
  })

  test('a shim that is killed is lost, not mistaken for an exit', async () => {
    const shim = shop().run(idle)
    const { pid } = await shim.connection.started
    process.kill(shim.pid, 'SIGTERM')
    process.kill(shim.pid, 'SIGHUP')
    assert.equal((await connectShim(shim.runDir))?.state.phase, 'running')
    assert.ok(pid)
  })
})
