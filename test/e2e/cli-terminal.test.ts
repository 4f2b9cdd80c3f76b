// bin/gantry under a pseudo-terminal, as a person uses it.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'

import { Command } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { Terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'
import { startGantrydWithBusybox } from './engine.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')
const prompt = /# /

const open = (engine: Gantryd, args: readonly string[], rows = 24, columns = 80) =>
  new Terminal([gantry, ...args], { env: engine.environment, rows, columns })

async function asks(terminal: Terminal, question: string, answer: string): Promise<void> {
  const ask = () => {
    terminal.write(`${question}\r`)
    return terminal.stdout.includes(answer)
  }
  await until(ask, { every: 100, what: () => `${answer} in ${terminal.stdout}` })
}

const running = (engine: Gantryd, name: string) => engine.ok(['inspect', name, '--format', '{{.State.Running}}'])

test('gantry under a terminal', async suite => {
  await using engine = await startGantrydWithBusybox()

  await suite.test('run -it: keys, size, Ctrl-C, exit status, and lines ended once', async () => {
    await using terminal = open(engine, ['run', '--rm', '-it', 'busybox', 'sh'], 33, 111)
    await terminal.prints(prompt)
    await asks(terminal, 'stty size', '33 111')
    terminal.resize(44, 122)
    await asks(terminal, 'stty size', '44 122')
    terminal.write('sleep 300\r')
    await terminal.prints(/sleep 300\r\n/)
    terminal.write('\u0003')
    terminal.write('echo $((6*7))\r')
    await terminal.prints(/\n42\r\n/)
    terminal.write('exit 9\r')
    assert.equal((await terminal.finish()).code, 9)
    assert.doesNotMatch(terminal.stdout, /\r\r\n/)
  })

  await suite.test('exec -it: keys, size, exit status', async () => {
    await engine.ok(['run', '-d', '--name', 'c1', 'busybox', 'sleep', '300'])
    await using terminal = open(engine, ['exec', '-it', 'c1', 'sh'], 20, 66)
    await terminal.prints(prompt)
    await asks(terminal, 'stty size', '20 66')
    terminal.resize(21, 67)
    await asks(terminal, 'stty size', '21 67')
    terminal.write('exit 4\r')
    assert.equal((await terminal.finish()).code, 4)
  })

  await suite.test('detach keys leave the container running; attach comes back', async () => {
    await using first = open(engine, ['run', '--name', 'c2', '-it', 'busybox', 'sh'])
    await first.prints(prompt)
    await asks(first, 'kept=yes; echo "<$kept>"', '<yes>')
    first.write('\u0010\u0011')
    assert.equal((await first.finish()).code, 0)
    assert.equal(await running(engine, 'c2'), 'true')
    await using second = open(engine, ['attach', 'c2'])
    await asks(second, 'echo "<$kept>"', '<yes>')
    second.write('exit 3\r')
    assert.equal((await second.finish()).code, 3)
    await using third = open(engine, ['start', '-ai', 'c2'])
    await asks(third, 'echo "<$kept>"', '<>')
    third.write('\u0010\u0011')
    await third.finish()
    assert.equal(await running(engine, 'c2'), 'true')
  })

  await suite.test('detach keys of one’s own, from exec too', async () => {
    const keys = ['--detach-keys', 'ctrl-x,x']
    await using terminal = open(engine, ['run', '--name', 'c3', ...keys, '-it', 'busybox', 'cat'])
    terminal.write('hello\r')
    await terminal.prints(/hello\r\nhello/)
    terminal.write('\u0018x')
    assert.equal((await terminal.finish()).code, 0)
    assert.equal(await running(engine, 'c3'), 'true')
    await using exec = open(engine, ['exec', ...keys, '-it', 'c3', 'sh'])
    await exec.prints(prompt)
    exec.write('\u0018x')
    const { code, stdout } = await exec.finish()
    assert.equal(code, 1)
    assert.match(stdout, /read escape sequence/)
  })

  await suite.test('Ctrl-C ends a container without a terminal through its signal', async () => {
    const script = 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done'
    await using terminal = open(engine, ['run', '--rm', 'busybox', 'sh', '-c', script])
    await terminal.prints(/ready/)
    terminal.write('\u0003')
    await terminal.prints(/caught/)
    assert.equal((await terminal.finish()).code, 5)
  })

  await suite.test('Ctrl-C ends logs -f and leaves the container alone', async () => {
    await engine.ok(['run', '-d', '--name', 'c4', 'busybox', 'sh', '-c', 'echo first; exec sleep 300'])
    await using terminal = open(engine, ['logs', '-f', 'c4'])
    await terminal.prints(/first/)
    terminal.write('\u0003')
    // Killed by SIGINT, as a shell wants to see it.
    assert.equal((await terminal.finish()).code, 254)
    assert.equal(await running(engine, 'c4'), 'true')
  })

  await suite.test('the terminal is as it was when the program has ended', async () => {
    const shell = [
      'sh',
      '-c',
      `stty -a >/tmp/before; ${gantry} run --rm -it busybox true; stty -a | diff /tmp/before -`,
    ]
    await using terminal = new Terminal(shell, { env: { ...engine.environment } })
    const { code, stdout } = await terminal.finish()
    assert.equal(code, 0, stdout)
  })
})

test('gantry without a terminal', async suite => {
  await using engine = await startGantrydWithBusybox()
  const start = (args: readonly string[]) => new Command([gantry, ...args], { env: engine.environment })

  await suite.test('logs -f ends with the container and misses nothing', async () => {
    const script = 'for i in $(seq 1 500); do echo $i; done; exit 3'
    await using container = start(['run', '--name', 'c1', 'busybox', 'sh', '-c', script])
    await container.prints(/1\n/)
    await using logs = start(['logs', '-f', '-t', 'c1'])
    assert.equal((await container.finish()).code, 3)
    const { code, stdout } = await logs.finish()
    const lines = stdout.trimEnd().split('\n')
    assert.deepEqual([code, lines.length], [0, 500])
    assert.ok(lines.every((line, index) => line.endsWith(`Z ${index + 1}`)))
  })

  await suite.test('megabytes through run -i come back whole', async () => {
    await using container = start(['run', '--rm', '-i', 'busybox', 'md5sum'])
    const sent = 'x'.repeat(8 * 1024 * 1024)
    container.end(sent)
    const { stdout } = await container.finish()
    assert.match(stdout, /^[0-9a-f]{32} {2}-\n$/)
    const { createHash } = await import('node:crypto')
    assert.equal(stdout.slice(0, 32), createHash('md5').update(sent).digest('hex'))
  })

  await suite.test('a reader that is slow gets all of it', async () => {
    const shell = ['sh', '-c', `${gantry} run --rm busybox seq 1 100000 | (sleep 1; wc -l)`]
    await using pipeline = new Command(shell, { env: engine.environment })
    const { code, stdout } = await pipeline.finish()
    assert.deepEqual([code, stdout], [0, '100000\n'])
  })

  await suite.test('a reader that goes away ends it quietly', async () => {
    const shell = ['sh', '-c', `${gantry} run --rm busybox seq 1 100000 | head -n 1`]
    await using pipeline = new Command(shell, { env: engine.environment })
    const { code, stdout, stderr } = await pipeline.finish()
    assert.deepEqual([code, stdout, stderr], [0, '1\n', ''])
  })
})
