// Containers under a pseudo-terminal, as a person uses them.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'
import { startEngine } from './engine.ts'

const prompt = /# /

async function size(terminal: Terminal, expected: string): Promise<void> {
  await until(
    () => {
      terminal.write('stty size\r')
      return terminal.stdout.includes(expected)
    },
    { every: 100, what: () => `size ${expected} in ${terminal.stdout}` },
  )
}

test('under a terminal', async suite => {
  await using engine = await startEngine()

  await suite.test('run -it: keys, size, end of input, exit status', async () => {
    await using terminal = engine.terminal(['run', '--rm', '-it', 'busybox', 'sh'], { rows: 33, columns: 111 })
    await terminal.prints(prompt)
    await size(terminal, '33 111')
    terminal.resize(44, 122)
    await size(terminal, '44 122')
    terminal.write('sleep 300\r')
    await terminal.prints(/sleep 300\r\n/)
    terminal.write('\u0003')
    terminal.write('echo $((6*7))\r')
    await terminal.prints(/\n42\r\n/)
    terminal.write('exit 9\r')
    assert.equal((await terminal.finish()).code, 9)
  })

  await suite.test('detach keys leave the container running; attach comes back', async () => {
    await using first = engine.terminal(['run', '--name', 'c1', '-it', 'busybox', 'sh'])
    await first.prints(prompt)
    first.write('remembered=yes\r')
    await first.prints(/remembered=yes\r\n/)
    first.write('\u0010\u0011')
    await first.finish()
    assert.equal(await engine.ok(['inspect', 'c1', '--format', '{{.State.Running}}']), 'true')
    await using second = engine.terminal(['attach', 'c1'])
    // Nothing is printed on attaching: the shell has to be asked.
    await until(
      () => {
        second.write('echo "<$remembered>"\r')
        return second.stdout.includes('<yes>')
      },
      { every: 200 },
    )
    second.write('exit 3\r')
    assert.equal((await second.finish()).code, 3)
  })

  await suite.test('detach keys of one’s own', async () => {
    await using terminal = engine.terminal([
      'run',
      '--name',
      'c2',
      '--detach-keys',
      'ctrl-x,x',
      '-it',
      'busybox',
      'cat',
    ])
    terminal.write('hello\r')
    await terminal.prints(/hello\r\nhello/)
    terminal.write('\u0018x')
    await terminal.finish()
    assert.equal(await engine.ok(['inspect', 'c2', '--format', '{{.State.Running}}']), 'true')
    assert.match(await engine.ok(['logs', 'c2']), /hello/)
  })

  await suite.test('exec -it: keys, size, exit status', async () => {
    await engine.ok(['run', '-d', '--name', 'c3', 'busybox', 'sleep', '300'])
    await using terminal = engine.terminal(['exec', '-it', 'c3', 'sh'], { rows: 20, columns: 66 })
    await terminal.prints(prompt)
    await size(terminal, '20 66')
    terminal.resize(21, 67)
    await size(terminal, '21 67')
    terminal.write('exit 4\r')
    assert.equal((await terminal.finish()).code, 4)
  })
})
