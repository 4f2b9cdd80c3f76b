// What dockerd and gantryd have in common under test: a socket, a network namespace and the stock CLI.

import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'

import { Command, type CommandOptions, type Result, type RunOptions, run } from './command.ts'
import { type NetworkNamespace, networkNamespace } from './netns.ts'
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts'
import { Terminal, type TerminalOptions } from './terminal.ts'
import { until } from './until.ts'

/** The environment in which the stock CLI finds an engine and nothing of the user's. */
export function clientEnvironment(socket: string, config: string): Record<string, string | undefined> {
  return {
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: config,
    DOCKER_CONTEXT: undefined,
    DOCKER_CLI_HINTS: 'false',
  }
}

/** Runs the stock CLI against a socket. */
export function docker(socket: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return run(['docker', ...args], { ...options, env: { ...clientEnvironment(socket, '/nonexistent'), ...options.env } })
}

/** An engine that runs in a directory and a network namespace of its own, so that it meets no other. */
export abstract class Engine implements AsyncDisposable {
  abstract readonly name: string
  readonly directory: string
  readonly socket: string
  readonly dataRoot: string
  readonly execRoot: string
  /** An empty directory for the commands of a test. */
  readonly scratch: string
  readonly namespace: NetworkNamespace
  readonly #temporary: TemporaryDirectory
  #daemon: Command | undefined
  #everAnswered = false

  protected constructor(temporary: TemporaryDirectory, namespace: NetworkNamespace, dataRoot?: string) {
    this.#temporary = temporary
    this.namespace = namespace
    this.directory = temporary.path
    this.socket = join(temporary.path, 's')
    this.dataRoot = dataRoot ?? join(temporary.path, 'data')
    this.execRoot = join(temporary.path, 'run')
    this.scratch = join(temporary.path, 'scratch')
  }

  /** A directory, and a namespace of one's own or `shared`, which stays its owner's. */
  protected static async place(
    label: string,
    shared?: NetworkNamespace,
  ): Promise<[TemporaryDirectory, NetworkNamespace]> {
    const temporary = temporaryDirectory(label)
    return [temporary, shared ? { ...shared, async [Symbol.asyncDispose]() {} } : await networkNamespace()]
  }

  /** The daemon's process id. */
  get pid(): number {
    return this.daemon.pid
  }

  /** What the daemon has logged since it was last started. */
  get log(): string {
    return this.daemon.stderr
  }

  protected get daemon(): Command {
    if (!this.#daemon) throw new Error(`${this.name} is not running`)
    return this.#daemon
  }

  /** Environment of a client of this engine. */
  get environment(): Record<string, string | undefined> {
    return clientEnvironment(this.socket, join(this.directory, 'client'))
  }

  /** Runs the stock CLI in the engine's network namespace. */
  docker(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.run(['docker', ...args], options)
  }

  /** As `docker`, but must succeed; returns standard output without the last newline. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.docker(args, options)
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit status ${code}\n${stderr}`)
    return stdout.replace(/\n$/, '')
  }

  /** Any program, in the engine's network namespace and with its socket in the environment. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    return run(this.namespace.enter(argv), { ...options, env: { ...this.environment, ...options.env } })
  }

  /** Starts the stock CLI without waiting for it. */
  watch(args: readonly string[], options: CommandOptions = {}): Command {
    return new Command(['docker', ...args], { ...options, env: { ...this.environment, ...options.env } })
  }

  /** Runs the stock CLI, which must succeed, without entering the namespace first: nothing but the CLI is timed. `timeout` in ms. */
  async watchToEnd(args: readonly string[], { timeout = 60_000 } = {}): Promise<void> {
    await using command = this.watch(args)
    command.end()
    const { code, stderr } = await command.finish(timeout)
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit status ${code}\n${stderr}`)
  }

  /** Starts the stock CLI under a pseudo-terminal. */
  terminal(args: readonly string[], options: TerminalOptions = {}): Terminal {
    return new Terminal(['docker', ...args], { ...options, env: { ...this.environment, ...options.env } })
  }

  /** Sends SIGTERM and waits until the daemon has gone; resolves to its exit status. */
  async stop(timeout = 30_000): Promise<number> {
    this.daemon.kill('SIGTERM')
    return (await this.daemon.finish(timeout)).code
  }

  /** Stops the daemon and removes everything that it made. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemon?.running) await this.#shutDown()
    await this.#daemon?.result
    await this.cleanUp()
    await this.namespace[Symbol.asyncDispose]()
    await this.#temporary[Symbol.asyncDispose]()
  }

  /** Removes what the stopped daemon left outside the directory and the network namespace. */
  protected abstract cleanUp(): Promise<void>

  /** Removes all containers, without giving them time to stop. */
  async removeContainers(): Promise<void> {
    const { stdout } = await this.docker(['ps', '--all', '--quiet', '--no-trunc'])
    const ids = stdout.split('\n').filter(id => id !== '')
    if (ids.length > 0) await this.docker(['rm', '--force', '--volumes', ...ids])
  }

  async #shutDown(): Promise<void> {
    try {
      await this.removeContainers()
      await this.stop()
    } catch {
      this.daemon.kill('SIGKILL')
    }
  }

  /** Starts the daemon and waits until it answers. Rejects with its log if it ends before that: the first time nothing is left. */
  protected async launch(argv: readonly string[]): Promise<void> {
    const daemon = new Command(this.namespace.enter(['setpriv', '--pdeathsig', 'TERM', '--', ...argv]))
    this.#daemon = daemon
    try {
      await until(() => this.#answers(daemon), { every: 10, what: () => `an answer from ${this.name}` })
      this.#everAnswered = true
    } catch (error) {
      daemon.kill('SIGKILL')
      const { stderr } = await daemon.result
      if (!this.#everAnswered) await this[Symbol.asyncDispose]()
      throw new Error(`${this.name} did not start:\n${stderr}`, { cause: error })
    }
  }

  async #answers(daemon: Command): Promise<boolean> {
    if (!daemon.running) throw new Error(`${this.name} ended with exit status ${(await daemon.result).code}`)
    return (await ping(this.socket)) === 200
  }
}

/** Makes an empty file, for a flag that must name one so that the host's own is not read. */
export function emptyConfiguration(directory: string): string {
  const path = join(directory, 'daemon.json')
  writeFileSync(path, '{}\n')
  return path
}

/** The HTTP status of GET /_ping on a socket, or undefined if nobody answers. */
export function ping(socket: string): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  request({ socketPath: socket, path: '/_ping', timeout: 5000 }, answer => {
    answer.resume()
    resolve(answer.statusCode)
  })
    .on('error', () => resolve(undefined))
    .end()
  return promise
}
