// Starting other programs with posix_spawn(3), which unlike fork costs the same however much memory this process has.

import { Fd } from './descriptor.ts'
import { KernelError, addressOf, bind, bindLibrary, check } from './ffi.ts'

const libc = bind({
  posix_spawn: { arguments: ['pointer', 'pointer', 'pointer', 'pointer', 'pointer', 'pointer'], return: 'i32' },
  posix_spawn_file_actions_init: { arguments: ['pointer'], return: 'i32' },
  posix_spawn_file_actions_destroy: { arguments: ['pointer'], return: 'i32' },
  posix_spawn_file_actions_adddup2: { arguments: ['pointer', 'i32', 'i32'], return: 'i32' },
  posix_spawn_file_actions_addopen: { arguments: ['pointer', 'i32', 'pointer', 'i32', 'u32'], return: 'i32' },
  posix_spawn_file_actions_addclose: { arguments: ['pointer', 'i32'], return: 'i32' },
  posix_spawn_file_actions_addchdir_np: { arguments: ['pointer', 'pointer'], return: 'i32' },
  posix_spawnattr_init: { arguments: ['pointer'], return: 'i32' },
  posix_spawnattr_destroy: { arguments: ['pointer'], return: 'i32' },
  posix_spawnattr_setflags: { arguments: ['pointer', 'i16'], return: 'i32' },
  posix_spawnattr_setsigdefault: { arguments: ['pointer', 'pointer'], return: 'i32' },
  posix_spawnattr_setsigmask: { arguments: ['pointer', 'pointer'], return: 'i32' },
  sigfillset: { arguments: ['pointer'], return: 'i32' },
  waitpid: { arguments: ['i32', 'pointer', 'i32'], return: 'i32' },
  socketpair: { arguments: ['i32', 'i32', 'i32', 'pointer'], return: 'i32' },
  pipe2: { arguments: ['pointer', 'i32'], return: 'i32' },
})

// glibc 2.34 has it; before, close-on-exec alone must do.
const closeFrom = bindLibrary('libc.so.6', {
  posix_spawn_file_actions_addclosefrom_np: { arguments: ['pointer', 'i32'], return: 'i32' },
})?.posix_spawn_file_actions_addclosefrom_np

const POSIX_SPAWN_SETSIGDEF = 0x04
const POSIX_SPAWN_SETSIGMASK = 0x08
const POSIX_SPAWN_SETSID = 0x80
const O_RDWR = 2
const WNOHANG = 1
const AF_UNIX = 1
const SOCK_STREAM = 1
/** Of sockets and pipes alike. */
const CLOEXEC = 0o2000000

// glibc's structures take 80 (file actions), 336 (attributes) and 128 bytes (signal set) on 64-bit machines.
const structureBytes = 512
const everySignal = Buffer.alloc(128)
libc.sigfillset(everySignal)
const noSignal = Buffer.alloc(128)

/** A program to start. */
export interface Program {
  /** Its path; PATH is not searched. */
  readonly file: string
  /** All arguments, its own name first. */
  readonly argv: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What the program finds open, by its numbers; 0 to 2 are /dev/null if absent, every other number is closed. */
  readonly fds: ReadonlyMap<number, Fd>
  /** Start it as the leader of a new session, without a controlling terminal. */
  readonly session?: boolean
}

/**
 * Starts a program with default signal dispositions and an empty mask, and returns its process id; `reap` it. Throws
 * KernelError, also when the program can't be executed. posix_spawn(3).
 */
export function spawn(program: Program): number {
  using cleanup = new DisposableStack()
  const actions = fileActions(program, cleanup)
  const attributes = spawnAttributes(program, cleanup)
  const argv = stringVector(program.argv)
  const env = stringVector(Object.entries(program.env).map(([name, value]) => `${name}=${value}`))
  const pid = new Int32Array(1)
  const { file } = program
  const error = libc.posix_spawn(pid, file, actions, attributes, argv.pointers, env.pointers)
  argv.keep()
  env.keep()
  checkError('posix_spawn', file, error)
  return pid[0] ?? -1
}

/** The functions of posix_spawn return their errno. */
function checkError(call: string, subject: string, error: number): void {
  if (error !== 0) throw new KernelError(call, error, subject)
}

function fileActions({ file, cwd, fds }: Program, cleanup: DisposableStack): Buffer {
  const actions = Buffer.alloc(structureBytes)
  const add = (error: number) => checkError('posix_spawn_file_actions', file, error)
  add(libc.posix_spawn_file_actions_init(actions))
  cleanup.defer(() => libc.posix_spawn_file_actions_destroy(actions))
  const last = Math.max(2, ...fds.keys())
  const sources = unclobbered(fds, last, cleanup)
  for (const [target, source] of sources) add(libc.posix_spawn_file_actions_adddup2(actions, source, target))
  for (let number = 0; number <= last; number++) {
    if (sources.has(number)) continue
    if (number > 2) add(libc.posix_spawn_file_actions_addclose(actions, number))
    else add(libc.posix_spawn_file_actions_addopen(actions, number, '/dev/null', O_RDWR, 0))
  }
  if (closeFrom) add(closeFrom(actions, last + 1))
  if (cwd !== undefined) add(libc.posix_spawn_file_actions_addchdir_np(actions, cwd))
  return actions
}

// The child's dup2 calls run one after the other: a source that is also a target of another must first move out of the way.
function unclobbered(fds: ReadonlyMap<number, Fd>, last: number, cleanup: DisposableStack): Map<number, number> {
  const sources = new Map<number, number>()
  for (const [target, fd] of fds) {
    const clobbered = fd.number !== target && fd.number <= last
    sources.set(target, clobbered ? cleanup.use(fd.dup(last + 1)).number : fd.number)
  }
  return sources
}

function spawnAttributes({ file, session }: Program, cleanup: DisposableStack): Buffer {
  const attributes = Buffer.alloc(structureBytes)
  const set = (error: number) => checkError('posix_spawnattr', file, error)
  set(libc.posix_spawnattr_init(attributes))
  cleanup.defer(() => libc.posix_spawnattr_destroy(attributes))
  set(libc.posix_spawnattr_setsigdefault(attributes, everySignal))
  set(libc.posix_spawnattr_setsigmask(attributes, noSignal))
  const flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (session ? POSIX_SPAWN_SETSID : 0)
  set(libc.posix_spawnattr_setflags(attributes, flags))
  return attributes
}

/** A NULL-terminated array of C strings. `keep` after its last use: the pointers alone don't keep the bytes alive. */
function stringVector(strings: readonly string[]): { pointers: BigUint64Array; keep(): void } {
  for (const text of strings) if (text.includes('\0')) throw new KernelError('posix_spawn', 22, JSON.stringify(text))
  const bytes = Buffer.from(strings.map(text => `${text}\0`).join(''))
  const pointers = new BigUint64Array(strings.length + 1)
  let next = addressOf(bytes)
  for (const [index, text] of strings.entries()) {
    pointers[index] = next
    next += BigInt(Buffer.byteLength(text) + 1)
  }
  return { pointers, keep: () => void bytes.length }
}

/**
 * The exit status of a child that has ended (128 + signal if a signal ended it), once; undefined while it runs.
 * Throws KernelError ECHILD if it is no child of this process or was reaped before. waitpid(2).
 */
export function reap(pid: number): number | undefined {
  const status = new Int32Array(1)
  if (check('waitpid', String(pid), libc.waitpid(pid, status, WNOHANG)) === 0) return undefined
  const [word = 0] = status
  const signal = word & 0x7f
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal
}

/** Two connected stream sockets. socketpair(2). */
export function socketPair(): [Fd, Fd] {
  const numbers = new Int32Array(2)
  check('socketpair', 'unix stream', libc.socketpair(AF_UNIX, SOCK_STREAM | CLOEXEC, 0, numbers))
  return [new Fd(numbers[0] ?? -1), new Fd(numbers[1] ?? -1)]
}

/** A pipe: what is written to the second descriptor is read from the first. pipe2(2). */
export function pipe(): [reader: Fd, writer: Fd] {
  const numbers = new Int32Array(2)
  check('pipe2', '', libc.pipe2(numbers, CLOEXEC))
  return [new Fd(numbers[0] ?? -1), new Fd(numbers[1] ?? -1)]
}
