// The container's streams through the shim: stdin, half-close, terminals, many clients, slow ones and those that leave.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientOf, demultiplex, describeShim, eventually, everything } from './shim-testing.ts'

const output = { stdout: true, stderr: true }
const all = { ...output, stdin: true, closesStdin: true }

const numbered = (word: string) => Array.from({ length: 500 }, (_, index) => `${word} ${index}\n`).join('')

/** Reads raw output until it contains `text`. */
async function seen(socket: Socket, text: string): Promise<string> {
  let received = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received += chunk
    if (received.includes(text)) return received
  }
  return assert.fail(`only got ${JSON.stringify(received)}`)
}

describeShim('stdin', shop => {
  test('reaches the container whole, and its end too', async () => {
    const shim = shop().run({ args: ['cat'] }, { openStdin: true, attach: [all] })
    const client = clientOf(shim)
    const sent = Array.from({ length: 50_000 }, (_, line) => `line ${line}\n`).join('')
    client.end(sent)
    assert.equal(demultiplex(await everything(client))[1], sent)
    assert.equal((await shim.connection.exited)?.code, 0)
  })

  test('is empty if it was not asked for', async () => {
    const shim = shop().run({ args: ['cat'] }, { attach: [all] })
    assert.equal((await shim.connection.exited)?.code, 0)
  })

  test('stays open when a client leaves, unless its end was to close it', async () => {
    const shim = shop().run({ args: ['cat'] }, { openStdin: true, attach: [output] })
    const received = everything(clientOf(shim))
    await shim.connection.started
    for (const word of ['one\n', 'two\n']) {
      const client = await shim.connection.attach({ stdin: true })
      client.end(word)
      await new Promise(resolve => client.once('close', resolve).destroySoon())
    }
    const last = await shim.connection.attach({ stdin: true, closesStdin: true })
    last.end('three\n')
    assert.deepEqual(
      demultiplex(await received)[1]
        .split('\n')
        .toSorted(),
      ['', 'one', 'three', 'two'],
    )
  })

  test('is closed by the daemon’s word, after what was sent before', async () => {
    const shim = shop().run({ args: ['cat'] }, { openStdin: true, attach: [output] })
    const received = everything(clientOf(shim))
    await shim.connection.started
    const client = await shim.connection.attach({ stdin: true })
    await new Promise<void>(resolve => client.write('bye\n', () => resolve()))
    shim.connection.closeStdin()
    assert.match(demultiplex(await received)[1], /^(bye\n)?$/)
    assert.equal((await shim.connection.exited)?.code, 0)
  })

  test('a container that does not read holds back only the sender', async () => {
    const shim = shop().run({ args: ['sh', '-c', 'read go; cat | tail -c 5'] }, { openStdin: true, attach: [output] })
    const received = everything(clientOf(shim))
    await shim.connection.started
    const sender = await shim.connection.attach({ stdin: true, closesStdin: true })
    sender.end(`go\n${'x'.repeat(2_000_000)}12345`)
    assert.equal(demultiplex(await received)[1], '12345')
  })

  test('a client that leaves while its input waits does not disturb the container', async () => {
    const shim = shop().run({ args: ['sh', '-c', 'sleep 0.3; tail -c 3'] }, { openStdin: true, attach: [output] })
    const received = everything(clientOf(shim))
    await shim.connection.started
    const sender = await shim.connection.attach({ stdin: true })
    sender.write('x'.repeat(150_000))
    await eventually(() => sender.writableLength === 0 || sender.bytesWritten > 60_000, 'some input is on its way')
    sender.destroy()
    const other = await shim.connection.attach({ stdin: true, closesStdin: true })
    other.end('end')
    assert.equal(demultiplex(await received)[1].length, 3)
  })

  test('input for a container that has closed its stdin is dropped', async () => {
    const shim = shop().run(
      { args: ['sh', '-c', 'exec <&-; sleep 0.2; echo alive'] },
      { openStdin: true, attach: [all] },
    )
    const client = clientOf(shim)
    client.end('x'.repeat(1_000_000))
    assert.equal(demultiplex(await everything(client))[1], 'alive\n')
  })
})

describeShim('terminal', shop => {
  test('has its first size, is resized, and echoes', async () => {
    const workload = {
      args: [
        'sh',
        '-c',
        'until [ "$(stty size 2>&1)" = "33 101" ]; do :; done; stty size; read a; stty size; read b; echo got $b',
      ],
      tty: true,
    }
    const shim = shop().run(workload, { openStdin: true, size: { rows: 33, columns: 101 }, attach: [all] })
    const client = clientOf(shim)
    assert.equal(await seen(client, '\r\n'), '33 101\r\n')
    shim.connection.resize(24, 80)
    client.write('x\n')
    assert.match(await seen(client, '24 80'), /^x\r\n24 80/)
    client.write('word\n')
    assert.match((await everything(client)).toString(), /word\r\ngot word\r\n$/)
    assert.equal((await shim.connection.exited)?.code, 0)
  })

  test('passes control characters on, and its log has one stream', async () => {
    const path = shop().log('terminal')
    const workload = {
      args: ['sh', '-c', 'trap "echo interrupted; exit 9" INT; echo ready; while :; do sleep 0.05; done'],
      tty: true,
    }
    const shim = shop().run(workload, { openStdin: true, attach: [all], log: { path } })
    const client = clientOf(shim)
    await seen(client, 'ready')
    client.write('\x03')
    assert.equal((await shim.connection.exited)?.code, 9)
    const entries = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual([...new Set(entries.map(({ stream }) => stream))], ['stdout'])
    assert.ok(entries.some(({ log }) => log === 'ready\r\n'))
  })

  test('all of a large output arrives', async () => {
    const shim = shop().run({ args: ['seq', '100000'], tty: true }, { attach: [output] })
    const received = (await everything(clientOf(shim))).toString()
    assert.equal(received, Array.from({ length: 100_000 }, (_, index) => `${index + 1}\r\n`).join(''))
  })

  test('an exec with a terminal', async () => {
    const container = shop().run({ args: ['sleep', '1000'] })
    await container.connection.started
    const shim = shop().exec(
      container,
      { args: ['sh', '-c', 'until [ "$(stty size 2>&1)" = "5 6" ]; do :; done; stty size'], tty: true },
      { attach: [output], size: { rows: 5, columns: 6 } },
    )
    const received = (await everything(clientOf(shim))).toString()
    assert.equal(received, '5 6\r\n')
  })
})

describeShim('attached clients', shop => {
  test('fifty at once get the same, each the streams it wants', async () => {
    const script = 'read go; i=0; while [ $i -lt 500 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done'
    const shim = shop().run({ args: ['sh', '-c', script] }, { openStdin: true })
    await shim.connection.started
    const wanted = [{ stdout: true }, { stderr: true }, output]
    const clients = await Promise.all(
      Array.from({ length: 50 }, (_, index) => shim.connection.attach(wanted[index % 3] ?? output)),
    )
    const received = Promise.all(clients.map(everything))
    shim.connection.closeStdin()
    for (const [index, bytes] of (await received).entries()) {
      const flags = wanted[index % 3]
      assert.deepEqual(demultiplex(bytes), {
        1: flags && 'stdout' in flags ? numbered('out') : '',
        2: flags && 'stderr' in flags ? numbered('err') : '',
      })
    }
  })

  test('one that does not read holds the container back; when it leaves, the container goes on', async () => {
    const path = shop().log('slow')
    const shim = shop().run({ args: ['seq', '1000000'] }, { attach: [output], log: { path } })
    await shim.connection.started
    clientOf(shim).pause()
    let size = -1
    // Held back means that the log stops growing.
    await eventually(() => {
      const before = size
      size = readFileSync(path).length
      return size > 0 && size === before
    }, 'the container is held back')
    assert.ok(size < 20_000_000)
    clientOf(shim).destroy()
    assert.equal((await shim.connection.exited)?.code, 0)
    const lines = readFileSync(path, 'latin1').trimEnd().split('\n')
    assert.equal(lines.length, 1_000_000)
    assert.match(lines.at(-1) ?? '', /"log":"1000000\\n"/)
  })

  test('one that reads slowly gets everything, even after the container’s exit', async () => {
    const shim = shop().run({ args: ['seq', '60000'] }, { attach: [output] })
    const client = clientOf(shim)
    const chunks: Buffer[] = []
    for await (const chunk of client) {
      chunks.push(chunk)
      await sleep(5)
    }
    const expected = Array.from({ length: 60_000 }, (_, index) => `${index + 1}\n`).join('')
    assert.equal(demultiplex(Buffer.concat(chunks))[1], expected)
  })

  test('one that never reads does not keep the shim after the exit for ever', async () => {
    const shim = shop().run({ args: ['seq', '30000'] }, { attach: [output] })
    const client = clientOf(shim)
    client.pause()
    assert.equal((await shim.connection.exited)?.code, 0)
    const begin = Date.now()
    assert.equal(await shim.ended, 0)
    assert.ok(Date.now() - begin < 9000)
    client.destroy()
  })

  test('those that come and go do not disturb', async () => {
    const path = shop().log('busy')
    const shim = shop().run({ args: ['sh', '-c', 'seq 300000; read end'] }, { openStdin: true, log: { path } })
    await shim.connection.started
    for (let round = 0; round < 30; round++) {
      const clients = await Promise.all([1, 2, 3].map(() => shim.connection.attach(output)))
      for (const client of clients) client.destroy()
    }
    shim.connection.closeStdin()
    assert.equal((await shim.connection.exited)?.code, 1)
    assert.equal(readFileSync(path, 'latin1').trimEnd().split('\n').length, 300_000)
  })
})
