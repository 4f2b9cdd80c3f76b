// The entry point of a thread for containers' trees: does many tasks side by side, each as far as its bytes are taken.

import { type MessagePort, parentPort } from 'node:worker_threads'
import { kindOf, messageOf, unavailable } from '../../lib/errors.ts'
import { Flow } from './flow.ts'
import { runTreeJob } from './jobs.ts'
import type { TreeOrder, TreeReply, TreeRequest } from './pool.ts'

async function serve({ job, port }: TreeRequest): Promise<void> {
  const flow = new Flow(port, { returnsMemory: false })
  const reply = (message: TreeReply) => port.postMessage(message, [])
  port.on('message', (order: TreeOrder) => {
    if (order.type === 'cancel') flow.fail(unavailable('context canceled'))
    else flow.receive(order)
  })
  try {
    const result = await runTreeJob(job, { flow, head: value => reply({ type: 'head', value }) })
    reply({ type: 'done', result })
  } catch (error) {
    // Classes of errors do not survive the way to another thread.
    reply({ type: 'failed', kind: kindOf(error), message: messageOf(error), stack: String((error as Error).stack) })
  }
}

const port: MessagePort | null = parentPort
if (port) port.on('message', (request: TreeRequest) => void serve(request))
