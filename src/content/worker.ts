// The entry point of a worker thread: takes one job after the other from the pool.

import { type MessagePort, parentPort } from 'node:worker_threads'
import { kindOf, messageOf } from '../lib/errors.ts'
import { runJob } from './jobs.ts'
import type { JobReply, JobRequest } from './pool.ts'

/** Milliseconds between reports of progress. */
const reportInterval = 100

async function serve(port: MessagePort, { job, cancelled }: JobRequest): Promise<void> {
  let reported = 0
  const reply = (message: JobReply) => port.postMessage(message)
  try {
    const result = await runJob(job, {
      cancelled: () => Atomics.load(cancelled, 0) !== 0,
      progress(bytes) {
        const now = performance.now()
        if (now - reported < reportInterval) return
        reported = now
        reply({ type: 'progress', bytes })
      },
    })
    reply({ type: 'done', result })
  } catch (error) {
    // Classes of errors do not survive the way to another thread.
    reply({ type: 'failed', kind: kindOf(error), message: messageOf(error), stack: String((error as Error).stack) })
  }
}

const port = parentPort
if (port) port.on('message', (request: JobRequest) => void serve(port, request))
