// Programs started with exactly the descriptors, signals and surroundings they were meant to have.

import assert from 'node:assert/strict'
import { closeSync, constants, openSync, readFileSync, readSync, readdirSync, writeSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Fd, openPath } from './descriptor.ts'
import { type Program, pipe, reap, socketPair, spawn } from './spawn.ts'
import { inWorker } from './testing.ts'

/** Everything written to `reader` until its last writer closed it. */
function drain(reader: Fd): string {
  const chunks: Buffer[] = []
  for (;;) {
    const chunk = Buffer.alloc(4096)
    const length = readSync(reader.number, chunk)
    if (length === 0) return Buffer.concat(chunks).toString()
    chunks.push(chunk.subarray(0, length))
  }
}

/** The child's exit status; waits by reading a pipe that the child holds. */
function finish(pid: number): number {
  for (;;) {
    const status = reap(pid)
    if (status !== undefined) return status
  }
}

/** Runs a shell script and returns its output and status. */
function shell(script: string, more: Partial<Program> = {}): { output: string; status: number } {
  const [reader, writer] = pipe()
  using _ = reader
  const fds = new Map([...(more.fds ?? []), [1, writer] as const])
  const pid = spawn({ file: '/bin/sh', argv: ['sh', '-c', script], env: { PATH: '/usr/bin:/bin' }, ...more, fds })
  writer.close()
  const output = drain(reader)
  return { output, status: finish(pid) }
}

test('arguments, environment and working directory arrive', () => {
  const argv = ['sh', '-c', 'printf "%s|" "$@"; echo "$NAME|$(pwd)"', 'sh', 'a b', '', 'ü\n']
  const { output } = shell('', { argv, env: { NAME: 'a=b c' }, cwd: '/proc' })
  assert.equal(output, 'a b||ü\n|a=b c|/proc\n')
})

test('exit statuses', () => {
  assert.equal(shell('exit 7').status, 7)
  assert.equal(shell('kill -TERM $$').status, 143)
  assert.equal(shell('true').status, 0)
})

test('a running child has no status yet, and an unknown one is an error', () => {
  const [reader, writer] = pipe()
  using _ = writer
  const pid = spawn({ file: '/bin/cat', argv: ['cat'], env: {}, fds: new Map([[0, reader]]) })
  reader.close()
  assert.equal(reap(pid), undefined)
  writer.close()
  assert.equal(finish(pid), 0)
  assert.throws(() => reap(pid), { code: 'ECHILD', message: `waitpid ${pid}: no child processes` })
})

test('a program that cannot be executed is an error here', () => {
  const missing = { file: '/no/such/program', argv: ['x'], env: {}, fds: new Map() }
  assert.throws(() => spawn(missing), { message: 'posix_spawn /no/such/program: no such file or directory' })
  assert.throws(() => spawn({ ...missing, file: '/etc/passwd' }), { code: 'EACCES' })
  assert.throws(() => spawn({ ...missing, argv: ['a\0b'] }), { code: 'EINVAL' })
})

/** The signal masks of a /proc/PID/status, without signals 32 and 33, which the C library keeps to itself. */
function masks(status: string) {
  const found = status.matchAll(/^(Sig(?:Blk|Ign|Cgt)):\s*(\w+)/gm)
  return Object.fromEntries(Array.from(found, ([, name, mask]) => [name, BigInt(`0x${mask}`) & ~0x180000000n]))
}

test('the child starts with default signals, none blocked, although node ignores SIGPIPE', () => {
  const ignoredHere = masks(readFileSync('/proc/self/status', 'utf8'))['SigIgn'] ?? 0n
  assert.notEqual(ignoredHere & (1n << 12n), 0n)
  const { output } = shell('', { file: '/bin/cat', argv: ['cat', '/proc/self/status'] })
  assert.deepEqual(masks(output), { SigBlk: 0n, SigIgn: 0n, SigCgt: 0n })
})

const sessionOf = (stat: string) => stat.split(') ')[1]?.split(' ')[3]

test('a session of its own, if asked for', () => {
  const own = sessionOf(readFileSync('/proc/self/stat', 'utf8'))
  const cat = { file: '/bin/cat', argv: ['cat', '/proc/self/stat'] }
  assert.equal(sessionOf(shell('', cat).output), own)
  const { output } = shell('', { ...cat, session: true })
  assert.equal(sessionOf(output), output.split(' ')[0])
})

// The shell has the directory itself open while it expands the pattern, and no longer when the link is read.
const listing = 'for f in /proc/$$/fd/*; do printf "${f##*/} "; readlink $f || echo gone; done'
function opened(output: string): Map<string, string> {
  const lines = output.trimEnd().split('\n')
  return new Map(lines.map(line => line.split(' ') as [string, string]).filter(([, target]) => target !== 'gone'))
}

test('only the descriptors given are open; standard ones are /dev/null', () => {
  using inherited = new Fd(openSync('/dev/zero', 'r'))
  // Something in this process may have been started with descriptors that are not close-on-exec.
  const script = `exec 7</dev/full; exec ${process.execPath} --no-warnings --input-type=module -e "$SCRIPT"`
  const program = `
    import { spawn, reap } from '${new URL('spawn.ts', import.meta.url).href}'
    import { openPath } from '${new URL('descriptor.ts', import.meta.url).href}'
    const out = openPath('/proc/self/fd/1', 1)
    const fds = new Map([[1, out], [5, openPath('/etc/hostname', 0)], [9, openPath('/etc/passwd', 0)]])
    const pid = spawn({ file: '/bin/sh', argv: ['sh', '-c', process.env.LISTING], env: {}, fds })
    while (reap(pid) === undefined);`
  const { output } = shell(script, { env: { SCRIPT: program, LISTING: listing, PATH: '/usr/bin:/bin' } })
  const found = opened(output)
  found.delete('10') // dash keeps a copy of its script's descriptor there
  const { '1': _, ...rest } = Object.fromEntries(found)
  assert.deepEqual(rest, { '0': '/dev/null', '2': '/dev/null', '5': '/etc/hostname', '9': '/etc/passwd' })
  assert.ok(inherited.number)
})

test('any permutation of descriptors arrives as mapped', () => {
  const targets = [3, 4, 5, 6]
  const permutations = fc.shuffledSubarray(targets, { minLength: 1 })
  const run = (from: number[]) => {
    // Numbers 3 to 6 belong to node: the sources are where node left room, so the map is shifted there.
    using cleanup = new DisposableStack()
    const base = cleanup.use(openPath('/')).dup(100)
    cleanup.use(base)
    const first = base.number + 1
    const files = targets.map((_, index) => {
      using directory = openPath(`/proc/sys/${['net', 'kernel', 'vm', 'fs'][index]}`)
      return cleanup.use(directory.dup(first + index))
    })
    const numbers = files.map(file => file.number)
    const fds = new Map(from.map((target, index) => [numbers[target - 3] ?? -1, files[index] as Fd]))
    const { output } = shell('for n in $N; do readlink /proc/$$/fd/$n; done', {
      fds,
      env: { N: [...fds.keys()].join(' '), PATH: '/usr/bin:/bin' },
    })
    const expected = from.map((_, index) => `/proc/sys/${['net', 'kernel', 'vm', 'fs'][index]}`)
    assert.equal(output, `${expected.join('\n')}\n`)
  }
  fc.assert(fc.property(permutations, run), { numRuns: 15 })
})

test('a descriptor may keep its number, or be given twice', () => {
  using file = openPath('/etc/hostname', constants.O_RDONLY)
  using high = file.dup(40)
  const fds = new Map([
    [high.number, high],
    [high.number + 1, high],
    [3, high],
  ])
  const { output } = shell(listing, { fds })
  const found = opened(output)
  for (const number of fds.keys()) assert.equal(found.get(String(number)), '/etc/hostname')
})

test('nothing stays open in this process, whether the program starts or not', () => {
  using file = openPath('/etc/hostname', constants.O_RDONLY)
  using high = file.dup(40)
  const fds = new Map([
    [high.number + 2, high],
    [high.number, file],
  ])
  const before = readdirSync('/proc/self/fd').toSorted()
  assert.equal(finish(spawn({ file: '/bin/true', argv: ['true'], env: {}, fds })), 0)
  assert.throws(() => spawn({ file: '/no/such/program', argv: [], env: {}, fds }), { code: 'ENOENT' })
  assert.deepEqual(readdirSync('/proc/self/fd').toSorted(), before)
})

test('a socket pair carries bytes both ways and closes', () => {
  const [ours, theirs] = socketPair()
  using _ = ours
  const pid = spawn({
    file: '/bin/cat',
    argv: ['cat'],
    env: {},
    fds: new Map([
      [0, theirs],
      [1, theirs],
    ]),
  })
  theirs.close()
  writeSync(ours.number, 'ping')
  const answer = Buffer.alloc(4)
  readSync(ours.number, answer)
  assert.equal(answer.toString(), 'ping')
  const number = ours.release()
  closeSync(number)
  assert.equal(finish(pid), 0)
})

test('workers can spawn and reap', async () => {
  const status = await inWorker<number>(`
    const { spawn, reap } = await kernel('spawn')
    const pid = spawn({ file: '/bin/sh', argv: ['sh', '-c', 'exit 3'], env: {}, fds: new Map() })
    for (;;) { const status = reap(pid); if (status !== undefined) return status }`)
  assert.equal(status, 3)
})
