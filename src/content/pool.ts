// A pool of worker threads for jobs that would hold up the event loop. Starting one takes some 50 ms, so they are kept a while.

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type ErrorKind, GantryError, system } from '../lib/errors.ts'
import type { Job, JobResults } from './jobs.ts'

export interface JobRequest {
  readonly job: Job
  /** Shared; anything but 0 asks the job to stop. */
  readonly cancelled: Int32Array
}

export type JobReply =
  | { readonly type: 'progress'; readonly bytes: number }
  | { readonly type: 'done'; readonly result: JobResults[Job['kind']] }
  | { readonly type: 'failed'; readonly kind: ErrorKind; readonly message: string; readonly stack: string }

export interface JobOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (bytes: number) => void
}

interface Task {
  readonly request: JobRequest
  readonly onProgress?: (bytes: number) => void
  readonly resolve: (result: JobResults[Job['kind']]) => void
  readonly reject: (error: unknown) => void
}

/** Milliseconds after which an idle worker ends. */
const defaultIdleTime = 60_000

/** Runs jobs on up to `size` threads, in the order they are given. Idle threads do not keep the process alive. */
export class WorkerPool implements AsyncDisposable {
  readonly #size: number
  readonly #idleTime: number
  readonly #queue: Task[] = []
  readonly #workers = new Map<Worker, Task | undefined>()
  readonly #timers = new Map<Worker, NodeJS.Timeout>()
  #closed = false

  constructor({ size = availableParallelism(), idleTime = defaultIdleTime } = {}) {
    this.#size = size
    this.#idleTime = idleTime
  }

  /** The number of threads that exist. */
  get threads(): number {
    return this.#workers.size
  }

  /** Runs `job` and resolves to its result. Rejects with the job's own error, also when `signal` stops it. */
  async run<J extends Job>(job: J, { signal, onProgress }: JobOptions = {}): Promise<JobResults[J['kind']]> {
    signal?.throwIfAborted()
    if (this.#closed) throw system('The worker pool is closed')
    const cancelled = new Int32Array(new SharedArrayBuffer(4))
    const cancel = () => void Atomics.store(cancelled, 0, 1)
    signal?.addEventListener('abort', cancel)
    try {
      const { promise, resolve, reject } = Promise.withResolvers<JobResults[Job['kind']]>()
      this.#queue.push({ request: { job, cancelled }, onProgress, resolve, reject })
      this.#dispatch()
      return (await promise) as JobResults[J['kind']]
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle() ?? (this.#workers.size < this.#size ? this.#start() : undefined)
      const task = worker && this.#queue.shift()
      if (!worker || !task) return
      clearTimeout(this.#timers.get(worker))
      this.#workers.set(worker, task)
      worker.ref()
      worker.postMessage(task.request, [])
    }
  }

  #idle(): Worker | undefined {
    for (const [worker, task] of this.#workers) if (!task) return worker
    return undefined
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 1024 },
    })
    this.#workers.set(worker, undefined)
    worker.on('message', (reply: JobReply | { readonly type?: undefined }) => {
      // With --watch, Node itself sends messages from a worker: which files it has loaded.
      if (reply.type !== undefined) this.#receive(worker, reply)
    })
    worker.on('error', error => this.#lose(worker, error))
    worker.on('exit', () => this.#lose(worker, undefined))
    return worker
  }

  #receive(worker: Worker, reply: JobReply): void {
    const task = this.#workers.get(worker)
    if (!task) return
    if (reply.type === 'progress') return task.onProgress?.(reply.bytes)
    this.#workers.set(worker, undefined)
    worker.unref()
    this.#timers.set(worker, setTimeout(() => this.#end(worker), this.#idleTime).unref())
    if (reply.type === 'done') task.resolve(reply.result)
    else task.reject(new GantryError(reply.kind, reply.message, { cause: reply.stack }))
    this.#dispatch()
  }

  // It takes a while to end: nothing is given to it meanwhile.
  #end(worker: Worker): void {
    this.#timers.delete(worker)
    this.#workers.delete(worker)
    void worker.terminate()
  }

  // A job that brings its thread down, by using up its memory for example, fails alone.
  #lose(worker: Worker, cause: unknown): void {
    const task = this.#workers.get(worker)
    clearTimeout(this.#timers.get(worker))
    this.#timers.delete(worker)
    this.#workers.delete(worker)
    task?.reject(system(`The ${task.request.job.kind} job ended without an answer`, { cause }))
    this.#dispatch()
  }

  /** Ends all threads; jobs that are running or waiting fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    for (const task of this.#queue.splice(0)) task.reject(system('The worker pool was closed'))
    await Promise.all(Array.from(this.#workers.keys(), worker => worker.terminate()))
  }
}
