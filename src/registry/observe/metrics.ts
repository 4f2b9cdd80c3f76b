// Prometheus metrics of the registry, on an address of their own.

import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Collected } from '../collector.ts'
import { http } from '../../lib/http.ts'
import type { Served } from './served.ts'

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

export class RegistryMetrics implements AsyncDisposable {
  readonly #registry = new Registry()
  readonly #requests: Histogram
  readonly #received: Counter
  readonly #sent: Counter
  readonly #collections: Counter
  readonly #freed: Counter
  readonly #undo = new AsyncDisposableStack()

  constructor() {
    const registers = [this.#registry]
    collectDefaultMetrics({ register: this.#registry })
    this.#requests = new Histogram({
      name: 'registry_request_seconds',
      help: 'The number of seconds it takes to answer a request',
      labelNames: ['endpoint', 'method', 'status'],
      buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600],
      registers,
    })
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name: `registry_${name}`, help, labelNames, registers })
    this.#received = counter('received_bytes_total', 'The number of bytes that came in requests', ['endpoint'])
    this.#sent = counter('sent_bytes_total', 'The number of bytes that went in answers', ['endpoint'])
    this.#collections = counter('collections_total', 'The number of garbage collections', ['result'])
    this.#freed = counter('collected_bytes_total', 'The number of bytes of content that was collected')
    for (const result of ['done', 'failed']) this.#collections.inc({ result }, 0)
  }

  /** Counts a request. */
  served({ endpoint, method, status, seconds, received, sent }: Served): void {
    // A client's own word would be a label's value.
    const known = methods.has(method) ? method : 'other'
    this.#requests.observe({ endpoint, method: known, status: String(status) }, seconds)
    this.#received.inc({ endpoint }, Math.max(0, received))
    this.#sent.inc({ endpoint }, Math.max(0, sent))
  }

  /** Counts a collection; undefined for one that failed. */
  collected(collected: Collected | undefined): void {
    this.#collections.inc({ result: collected ? 'done' : 'failed' })
    this.#freed.inc(collected?.bytes ?? 0)
  }

  /** Serves them at /metrics; resolves with the port once that is possible. */
  async serve(address: { host?: string; port: number }): Promise<number> {
    const server = http.createServer((request, response) => {
      if (request.method === 'GET' && request.url === '/metrics') void this.#show(response)
      else response.writeHead(404).end()
    })
    server.listen(address)
    await once(server, 'listening')
    this.#undo.defer(async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    })
    const bound = server.address()
    return typeof bound === 'object' && bound ? bound.port : 0
  }

  async #show(response: ServerResponse): Promise<void> {
    const text = await this.#registry.metrics()
    response.writeHead(200, { 'content-type': this.#registry.contentType }).end(text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync()
  }
}
