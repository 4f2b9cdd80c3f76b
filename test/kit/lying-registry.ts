// A registry that lies, in a network namespace of the test's: what it was asked, and how it is logged in to.

import { join } from 'node:path'

import { Authority } from './certificates.ts'
import { Command } from './command.ts'
import { type ToldRequest } from './lying-server.ts'
import type { NetworkNamespace } from './netns.ts'
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts'
import { until } from './until.ts'

const program = join(import.meta.dirname, 'lying-server.ts')

export class LyingRegistry implements AsyncDisposable {
  /** Host and port, as they begin the names of images. */
  readonly host: string
  readonly #server: Command
  readonly #directory: TemporaryDirectory

  static async start(namespace: NetworkNamespace): Promise<LyingRegistry> {
    const directory = temporaryDirectory('liar')
    const authority = await Authority.create(join(directory.path, 'authority'))
    const { certificate, key } = await authority.sign('server', 'serverAuth')
    const server = new Command(namespace.enter([process.execPath, program, certificate, key]))
    await until(() => server.stdout.includes('\n') || !server.running, { what: () => server.stderr })
    if (!server.running) throw new Error(`The lying registry did not start:\n${server.stderr}`)
    const { registry } = JSON.parse(server.stdout.split('\n', 1)[0] ?? '') as { registry: string }
    return new LyingRegistry(registry, server, directory)
  }

  private constructor(host: string, server: Command, directory: TemporaryDirectory) {
    this.host = host
    this.#server = server
    this.#directory = directory
  }

  /** The requests so far, each when it began and when it ended. */
  get asked(): ToldRequest[] {
    const lines = this.#server.stdout.split('\n').slice(1, -1)
    return lines.map(line => JSON.parse(line) as ToldRequest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
    await this.#directory[Symbol.asyncDispose]()
  }
}
