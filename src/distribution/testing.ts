// What the tests of this folder share: servers on loopback that behave as a test says, and registries that are reached.

import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { parseReference } from '../oci/reference.ts'
import type { RegistrySettings } from './endpoints.ts'
import { Registries } from './registries.ts'
import type { Actions, Credentials, Repository } from './remote.ts'

/** What a server was asked. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface TestServer extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** `http://127.0.0.1:PORT`, or with https. */
  readonly url: string
  /** Everything so far. */
  readonly asked: Asked[]
}

export type Behaviour = (request: IncomingMessage, response: ServerResponse, url: URL) => void

/** Starts a server; with `tls` it speaks HTTPS only. */
export async function serve(behave: Behaviour, tls?: TlsOptions): Promise<TestServer> {
  const asked: Asked[] = []
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request
    asked.push({ method, url, headers })
    behave(request, response, new URL(url, 'http://127.0.0.1'))
  }
  const server = tls ? createTlsServer(tls, listener) : createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    url: `${tls ? 'https' : 'http'}://${host}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Answers with JSON. */
export function answer(response: ServerResponse, status: number, value: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}

/** Answers as a registry that refuses. */
export const refuse = (response: ServerResponse, status: number, code: string, headers = {}): void =>
  answer(response, status, { errors: [{ code, message: code.toLowerCase().replaceAll('_', ' ') }] }, headers)

export const plainSettings: RegistrySettings = {
  insecure: [],
  mirrors: [],
  httpProxy: '',
  httpsProxy: '',
  noProxy: '',
  certificates: [],
  userAgent: 'test',
  patience: 60_000,
}

export interface OpenOptions {
  readonly settings?: Partial<RegistrySettings>
  readonly credentials?: Credentials
  readonly actions?: Actions
}

/** The repository with a name such as `127.0.0.1:5000/a/b`; dispose of it to close its connections. */
export function openRepository(
  name: string,
  { settings, credentials, actions = 'pull' }: OpenOptions = {},
): AsyncDisposable & { readonly repository: Repository } {
  const registries = new Registries({ ...plainSettings, ...settings })
  return {
    repository: registries.open(parseReference(name), credentials, actions),
    [Symbol.asyncDispose]: () => registries[Symbol.asyncDispose](),
  }
}

/** All that `source` gives. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
