// Threads for what is done to containers' trees. Each serves many tasks at once: a client that does not read holds up none.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { type ErrorKind, GantryError, system } from '../../lib/errors.ts'
import { Flow, type FlowMessage } from './flow.ts'
import type { TreeHeads, TreeJob, TreeResults } from './jobs.ts'

export interface TreeRequest {
  readonly job: TreeJob
  readonly port: MessagePort
}

/** What a task's two sides tell each other, beside bytes. */
export type TreeReply =
  | FlowMessage
  | { readonly type: 'head'; readonly value: unknown }
  | { readonly type: 'done'; readonly result: unknown }
  | { readonly type: 'failed'; readonly kind: ErrorKind; readonly message: string; readonly stack: string }

export type TreeOrder = FlowMessage | { readonly type: 'cancel' }

/** More are started only while all others have something to do: a file system that hangs takes the thread along. */
const maxThreads = 8
/** Milliseconds after which an idle thread ends. */
const defaultIdleTime = 60_000

/** A task under way. */
export interface TreeTask<J extends TreeJob> {
  /** What it tells before it is done; rejects as `result` does if it fails before. */
  readonly head: Promise<TreeHeads[J['kind']]>
  /** Descriptors that the job names must stay open until this has settled. */
  readonly result: Promise<TreeResults[J['kind']]>
  /** The bytes it makes, each piece until the next is asked for. Ends when it is done; throws if it fails. */
  bytes(): AsyncGenerator<Buffer, void, void>
  /** Gives it all of `input`. */
  feed(input: AsyncIterable<Uint8Array>): Promise<void>
  /** Asks it to fail. */
  cancel(): void
}

export class TreeWorkers implements AsyncDisposable {
  readonly #idleTime: number
  readonly #loads = new Map<Worker, number>()
  readonly #timers = new Map<Worker, NodeJS.Timeout>()
  #closed = false

  constructor({ idleTime = defaultIdleTime } = {}) {
    this.#idleTime = idleTime
  }

  /** Runs a job that takes and gives no bytes. Rejects with its error. */
  async run<J extends TreeJob>(job: J): Promise<TreeResults[J['kind']]> {
    return await this.begin(job).result
  }

  /** Begins a job. The caller waits for its result in any case. */
  begin<J extends TreeJob>(job: J): TreeTask<J> {
    if (this.#closed) throw system('The threads for containers’ files have ended')
    const worker = this.#leastBusy()
    const { port1, port2 } = new MessageChannel()
    this.#change(worker, 1)
    const task = new Task<J>(port1, () => this.#change(worker, -1))
    worker.postMessage({ job, port: port2 } satisfies TreeRequest, [port2])
    return task
  }

  #leastBusy(): Worker {
    const [least] = [...this.#loads].toSorted(([, a], [, b]) => a - b)
    return least && (least[1] === 0 || this.#loads.size >= maxThreads) ? least[0] : this.#start()
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    })
    this.#loads.set(worker, 0)
    // Its tasks fail by their ports, which close with it.
    worker.on('error', () => this.#forget(worker))
    worker.on('exit', () => this.#forget(worker))
    return worker
  }

  #change(worker: Worker, by: number): void {
    const load = this.#loads.get(worker)
    if (load === undefined) return
    this.#loads.set(worker, load + by)
    clearTimeout(this.#timers.get(worker))
    if (load + by > 0) return worker.ref()
    worker.unref()
    this.#timers.set(worker, setTimeout(() => this.#end(worker), this.#idleTime).unref())
  }

  // It takes a while to end: nothing is given to it meanwhile.
  #end(worker: Worker): void {
    this.#forget(worker)
    void worker.terminate()
  }

  #forget(worker: Worker): void {
    clearTimeout(this.#timers.get(worker))
    this.#timers.delete(worker)
    this.#loads.delete(worker)
  }

  /** Ends all threads; tasks under way fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.all(Array.from(this.#loads.keys(), worker => worker.terminate()))
  }
}

class Task<J extends TreeJob> implements TreeTask<J> {
  readonly #port: MessagePort
  readonly #flow: Flow
  readonly #head = Promise.withResolvers<TreeHeads[J['kind']]>()
  readonly #result = Promise.withResolvers<TreeResults[J['kind']]>()
  #settled = false

  constructor(port: MessagePort, onEnd: () => void) {
    this.#port = port
    // A whole batch has been sent on, or written, when the next one is asked for.
    this.#flow = new Flow(port, { returnsMemory: true })
    port.on('message', (reply: TreeReply) => this.#take(reply))
    port.on('close', () => {
      this.#fail(system('The thread that worked on a container’s files has ended'))
      onEnd()
    })
    // Whoever waits for one of them need not wait for both.
    this.#head.promise.catch(() => {})
    this.#result.promise.catch(() => {})
  }

  get head(): Promise<TreeHeads[J['kind']]> {
    return this.#head.promise
  }

  get result(): Promise<TreeResults[J['kind']]> {
    return this.#result.promise
  }

  #take(reply: TreeReply): void {
    if (reply.type === 'head') this.#head.resolve(reply.value as TreeHeads[J['kind']])
    else if (reply.type === 'failed') this.#fail(new GantryError(reply.kind, reply.message, { cause: reply.stack }))
    else if (reply.type === 'done') this.#finish(reply.result as TreeResults[J['kind']])
    else this.#flow.receive(reply)
  }

  #finish(result: TreeResults[J['kind']]): void {
    this.#settled = true
    this.#flow.receive({ type: 'end' })
    this.#result.resolve(result)
    this.#port.close()
  }

  #fail(error: unknown): void {
    if (this.#settled) return
    this.#settled = true
    this.#flow.fail(error)
    this.#head.reject(error)
    this.#result.reject(error)
    this.#port.close()
  }

  bytes(): AsyncGenerator<Buffer, void, void> {
    return this.#flow.received()
  }

  async feed(input: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#flow.send(input)
    this.#flow.end()
  }

  cancel(): void {
    this.#port.postMessage({ type: 'cancel' } satisfies TreeOrder, [])
  }
}
