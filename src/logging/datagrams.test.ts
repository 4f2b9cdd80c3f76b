// Datagrams to collectors: those that are too long, those the kernel lacks memory for, and names with one kind of address.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { output } from '../../test/kit/command.ts'
import { until } from '../../test/kit/until.ts'
import { openUnixDatagram } from './channel.ts'
import { ShimLog, UnixDatagramCollector } from './testing.ts'

const never = new AbortController().signal
const channelModule = join(import.meta.dirname, 'channel.ts')

test('what no datagram holds is cut short between two characters, and what follows it comes too', async () => {
  using log = new ShimLog()
  const path = join(log.directory, 'syslog')
  await using unix = await UnixDatagramCollector.listen(path)
  using channel = openUnixDatagram(path, never)
  const long = `x${'€'.repeat(300_000)}`
  await channel.send([Buffer.from(long), Buffer.from('next')])
  await until(() => unix.datagrams.length === 2)
  const [cut = '', next] = unix.datagrams.map(String)
  assert.ok(cut.length > 10_000 && long.startsWith(cut), `${cut.length} characters, the last ${cut.slice(-3)}`)
  assert.equal(next, 'next')
})

// sendto(2) of more than so many bytes fails with an errno, by a filter of seccomp(2): 44 is its number on x86-64, 206 on arm64.
const filtered = `
import ctypes, os, platform, struct, sys
largest, errno = int(sys.argv[1]), int(sys.argv[2])
def step(code, yes, no, value): return struct.pack('HBBI', code, yes, no, value)
number = 44 if platform.machine() == 'x86_64' else 206
steps = [step(0x20, 0, 0, 0), step(0x15, 0, 3, number), step(0x20, 0, 0, 32), step(0x25, 0, 1, largest),
         step(0x06, 0, 0, 0x50000 | errno), step(0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b''.join(steps))
program = ctypes.create_string_buffer(struct.pack('HxxxxxxQ', len(steps), ctypes.addressof(code)))
if ctypes.CDLL(None).prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0): sys.exit('prctl')
os.execvp(sys.argv[3], sys.argv[3:])
`
const noBuffers = '105'

const sending = (path: string, takesFiles: boolean, length: number) => `
const { openUnixDatagram } = await import(${JSON.stringify(channelModule)})
const channel = openUnixDatagram(${JSON.stringify(path)}, new AbortController().signal, ${takesFiles})
try { await channel.send([Buffer.alloc(${length}, 'y'), Buffer.from('next')]) } catch (error) { console.log(error.message) }
`

test('a message that the kernel has no memory for becomes shorter, or a file, and is given up at last', async () => {
  using log = new ShimLog()
  const path = join(log.directory, 'journal')
  await using unix = await UnixDatagramCollector.listen(path)
  const send = (largest: number, takesFiles: boolean, length: number) => {
    const script = ['node', '--input-type=module', '-e', sending(path, takesFiles, length)]
    return output(['python3', '-c', filtered, String(largest), noBuffers, ...script])
  }
  assert.equal(await send(1000, false, 3000), '')
  assert.equal(await send(1000, true, 3000), '')
  await until(() => unix.datagrams.length === 4)
  assert.deepEqual(
    unix.datagrams.map(datagram => datagram.length),
    [750, 4, 3000, 4],
  )
  assert.match(await send(1, false, 10), /there is no memory for messages to/)
})

test('a name server that says nothing keeps nobody who gives up', () => {
  using log = new ShimLog()
  const file = join(log.directory, 'resolv.conf')
  writeFileSync(file, 'nameserver 127.0.0.1\n')
  const script = `
    const { openUdp } = await import(${JSON.stringify(channelModule)})
    const { createSocket } = await import('node:dgram')
    const server = createSocket('udp4').bind(53, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const asked = new Promise(resolve => server.once('message', resolve))
    const stop = new AbortController()
    const opening = openUdp('collector.test', 1, stop.signal)
    await asked
    const before = performance.now()
    stop.abort()
    await opening.catch(error => console.log(error.name, performance.now() - before < 4000))
    process.kill(process.pid, 'SIGKILL')`
  const shell = 'ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec node --input-type=module -e "$1"'
  const argv = ['--mount', '--net', 'sh', '-c', shell, file, script]
  assert.equal(spawnSync('unshare', argv, { encoding: 'utf8' }).stdout, 'AbortError true\n')
})

test('UDP goes to a name that has an IPv6 address only', async () => {
  using log = new ShimLog()
  const hosts = join(log.directory, 'hosts')
  writeFileSync(hosts, '::1 collector.test\n')
  const socket = createSocket('udp6')
  try {
    const received = once(socket, 'message')
    socket.bind(0, '::1')
    await once(socket, 'listening')
    const script = `
      const { openUdp } = await import(${JSON.stringify(channelModule)})
      const channel = await openUdp('collector.test', ${socket.address().port}, new AbortController().signal)
      await channel.send([Buffer.from('hello')])
      channel[Symbol.dispose]()`
    const shell = 'mount --bind "$0" /etc/hosts && exec node --input-type=module -e "$1"'
    const { status, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', shell, hosts, script], { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const [datagram] = await received
    assert.equal(String(datagram), 'hello')
  } finally {
    socket.close()
  }
})
