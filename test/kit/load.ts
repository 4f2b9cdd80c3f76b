// Loads an HTTP server: load.ts URL REQUESTS CONNECTIONS prints {"ok","failed","bytes"}; run it where the server can be reached.

import { Agent, get } from 'node:http'

const [, , url = '', requests = '1000', connections = '8'] = process.argv
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
const tally = { ok: 0, failed: 0, bytes: 0 }

function fetchOnce(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const request = get(url, { agent, timeout: 10_000 }, answer => {
    answer.on('data', (chunk: Buffer) => (tally.bytes += chunk.length))
    answer.on('close', () => {
      tally[answer.complete && answer.statusCode === 200 ? 'ok' : 'failed']++
      resolve()
    })
  })
  request.on('timeout', () => request.destroy(new Error('no answer in 10 s')))
  request.on('error', () => {
    tally.failed++
    resolve()
  })
  return promise
}

let left = Number(requests)
async function client(): Promise<void> {
  while (left-- > 0) await fetchOnce()
}

await Promise.all(Array.from({ length: Number(connections) }, client))
agent.destroy()
console.log(JSON.stringify(tally))
