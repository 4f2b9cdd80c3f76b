// Child processes of tests: run to the end, or watched and written to while they run.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Writable } from 'node:stream'

import { until } from './until.ts'

/** How a program ended. `code` is 128 + the signal if one killed it, as a shell has it. */
export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Gives the child a pipe as descriptor 3. */
  readonly control?: boolean
}

export interface RunOptions extends CommandOptions {
  /** Written to standard input, which is then closed. Without it, input is empty. */
  readonly stdin?: string | Uint8Array
  /** Milliseconds after which the child is killed and the run fails. Default 60,000. */
  readonly timeout?: number
}

/** A program that is running; what it prints gathers in `stdout` and `stderr`. Disposal kills it. */
export class Command implements AsyncDisposable {
  readonly argv: readonly string[]
  readonly result: Promise<Result>
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess

  constructor(argv: readonly string[], options: CommandOptions = {}) {
    const [file = '', ...rest] = argv
    const stdio: StdioOptions = ['pipe', 'pipe', 'pipe', ...(options.control ? ['pipe' as const] : [])]
    this.argv = argv
    this.#child = spawn(file, rest, { stdio, cwd: options.cwd, env: { ...process.env, ...options.env } })
    this.#child.stdout?.setEncoding('utf8').on('data', text => (this.stdout += text))
    this.#child.stderr?.setEncoding('utf8').on('data', text => (this.stderr += text))
    // A child that ends before it has read its input is no failure of the test.
    this.#child.stdin?.on('error', () => {})
    this.result = this.#end()
    this.result.catch(() => {})
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.argv[0]} did not start`)
    return this.#child.pid
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** The pipe that is the child's descriptor 3. */
  get control(): Writable {
    return this.#child.stdio[3] as Writable
  }

  write(data: string | Uint8Array): void {
    this.#child.stdin?.write(data)
  }

  /** Closes the child's standard input, after `data`. */
  end(data: string | Uint8Array = ''): void {
    this.#child.stdin?.end(data)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits until standard output matches; fails with what was printed if it does not in `timeout` ms. */
  async prints(pattern: RegExp, timeout = 20_000): Promise<void> {
    await until(() => pattern.test(this.stdout), { timeout, what: () => `${pattern} from ${this.#describe()}` })
  }

  /** The result, unless it takes longer than `timeout` ms: then the child is killed and the promise rejects. */
  async finish(timeout = 60_000): Promise<Result> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      this.kill('SIGKILL')
      late.reject(new Error(`Still running after ${timeout} ms: ${this.#describe()}`))
    }, timeout)
    try {
      return await Promise.race([this.result, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL')
    await this.result.catch(() => {})
  }

  #end(): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>()
    this.#child.once('error', reject)
    this.#child.once('close', (code, signal) => {
      const status = code ?? 128 + (signal ? constants.signals[signal] : 0)
      resolve({ code: status, stdout: this.stdout, stderr: this.stderr })
    })
    return promise
  }

  #describe(): string {
    return `${this.argv.join(' ')}\nstdout: ${this.stdout}\nstderr: ${this.stderr}`
  }
}

/** Runs a program to its end. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
  await using command = new Command(argv, options)
  command.end(options.stdin)
  return await command.finish(options.timeout)
}

/** Runs a program that must succeed; returns its standard output. */
export async function output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit status ${code}\n${stderr}`)
  return stdout
}
