// Registries for tests: the embedded one, in a network namespace of the test's, and skopeo to fill it and to look at it.

import { join } from 'node:path'

import { Command, output } from './command.ts'
import type { NetworkNamespace } from './netns.ts'
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts'
import { until } from './until.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')
const ready = /"port":(\d+)\}.*is ready/

/** A registry on a loopback address, with a directory of its own. */
export class TestRegistry implements AsyncDisposable {
  readonly #namespace: NetworkNamespace
  readonly #directory: TemporaryDirectory
  #server: Command | undefined
  #port = '0'

  private constructor(namespace: NetworkNamespace, directory: TemporaryDirectory) {
    this.#namespace = namespace
    this.#directory = directory
  }

  /** Starts `gantry registry serve` in a namespace; `flags` are added. */
  static async start(namespace: NetworkNamespace, flags: readonly string[] = []): Promise<TestRegistry> {
    const registry = new TestRegistry(namespace, temporaryDirectory('registry'))
    await registry.#launch(flags)
    return registry
  }

  /** Host and port, as they begin the names of images. */
  get host(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** Where its content is. */
  get root(): string {
    return join(this.#directory.path, 'root')
  }

  /** What it has logged. */
  get log(): string {
    return this.#server?.stderr ?? ''
  }

  async #launch(flags: readonly string[]): Promise<void> {
    const listen = ['--root', this.root, '--listen', this.host, ...flags]
    const server = new Command(this.#namespace.enter([gantry, 'registry', 'serve', ...listen]))
    this.#server = server
    await until(() => !server.running || ready.test(server.stderr), { what: () => server.stderr })
    const port = ready.exec(server.stderr)?.[1]
    if (port === undefined) throw new Error(`The registry did not start:\n${server.stderr}`)
    this.#port = port
  }

  /** Copies an image by skopeo; a place is one of its transports, or a name here after `registry:`. */
  async copy(from: string, to: string, ...flags: string[]): Promise<void> {
    const place = (text: string) => text.replace(/^registry:/, `docker://${this.host}/`)
    const insecure = ['--src-tls-verify=false', '--dest-tls-verify=false']
    await output(this.#namespace.enter(['skopeo', 'copy', ...insecure, ...flags, place(from), place(to)]))
  }

  /** The manifest of a name here, exactly. */
  async manifest(name: string): Promise<string> {
    const image = `docker://${this.host}/${name}`
    return await output(this.#namespace.enter(['skopeo', 'inspect', '--raw', '--tls-verify=false', image]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
    await this.#directory[Symbol.asyncDispose]()
  }
}
