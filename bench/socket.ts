// The Engine API without a CLI: what a container costs a program that holds a connection.

import { Agent, request } from 'node:http'

const agents = new Map<string, Agent>()

/** One API call on a unix socket over a kept connection; returns the body. Rejects on a status of 400 or more. */
export function call(socket: string, method: string, path: string, body?: object): Promise<string> {
  const agent = agents.get(socket) ?? new Agent({ keepAlive: true })
  agents.set(socket, agent)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { 'Content-Type': 'application/json' }
  const outgoing = request({ socketPath: socket, agent, method, path: `/v1.41${path}`, headers }, answer => {
    let text = ''
    answer.setEncoding('utf8').on('data', chunk => (text += chunk))
    answer.on('end', () =>
      (answer.statusCode ?? 500) < 400 ? resolve(text) : reject(new Error(`${method} ${path}: ${text}`)),
    )
  })
  outgoing.on('error', reject)
  outgoing.end(body ? JSON.stringify(body) : undefined)
  return promise
}

/** Creates a container of busybox, starts it, waits for its end and removes it. */
export async function runOnSocket(socket: string, command: readonly string[]): Promise<void> {
  const { Id } = JSON.parse(await call(socket, 'POST', '/containers/create', { Image: 'busybox', Cmd: command }))
  const ended = call(socket, 'POST', `/containers/${Id}/wait?condition=next-exit`)
  await call(socket, 'POST', `/containers/${Id}/start`)
  await ended
  await call(socket, 'DELETE', `/containers/${Id}?force=true`)
}

/** Closes the kept connections. */
export function closeConnections(): void {
  for (const agent of agents.values()) agent.destroy()
  agents.clear()
}
