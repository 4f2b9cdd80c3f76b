// Probes without a program in the container: a connection inside its network namespace, or a request over one.

import { once } from 'node:events'
import { type IncomingMessage, get } from 'node:http'
import { Socket } from 'node:net'
import { pidfdSignal } from '../../kernel/pidfd.ts'
import { inNetworkNamespace, networkNamespaceOf } from '../../kernel/namespace.ts'
import { streamSocket } from '../../kernel/socket.ts'
import { conflict, messageOf } from '../../lib/errors.ts'
import { goDuration } from '../../lib/duration.ts'
import type { Container } from '../model.ts'
import type { ProbeResult } from './command-probe.ts'
import type { NativeTarget } from './native-target.ts'
import { ProbeOutput } from './output.ts'
import type { Schedule } from './schedule.ts'

/** Of an answer, in bytes. */
const longestHeaders = 16_384

/** What bounds a probe. */
export interface NativeLimits {
  /** Milliseconds it may take. */
  readonly timeout: number
  /** Ends it. */
  readonly signal: AbortSignal
  readonly schedule: Schedule
}

/**
 * Connects, or makes a request: healthy is what accepts, or answers with a status from 200 to 399. Of the answer, no more
 * is read than is kept. Never rejects for what the container does.
 */
export async function runNativeProbe(
  container: Container,
  target: NativeTarget,
  { timeout, signal, schedule }: NativeLimits,
): Promise<ProbeResult> {
  const late = new AbortController()
  using _limit = schedule.after(timeout, () => late.abort())
  const end = AbortSignal.any([signal, late.signal])
  try {
    return await firstThatConnects(container, target, end)
  } catch (error) {
    if (!late.signal.aborted) return { exitCode: 1, output: `${target.text}: ${messageOf(error)}` }
    return { exitCode: -1, output: `Health check exceeded timeout (${goDuration(timeout * 1e6)})` }
  }
}

async function firstThatConnects(container: Container, target: NativeTarget, end: AbortSignal): Promise<ProbeResult> {
  let reason: unknown
  for (const address of target.addresses) {
    try {
      const socket = await connectInside(container, address, target.port, end)
      return target.protocol === 'tcp' ? accepted(socket, target) : await answer(socket, target, end)
    } catch (error) {
      if (end.aborted) throw error
      reason ??= error
    }
  }
  throw reason
}

// The socket is of the namespace it was made in; to connect it, nobody has to be there.
async function connectInside(container: Container, address: string, port: number, end: AbortSignal): Promise<Socket> {
  const socket = socketInside(container, address)
  const leave = () => void socket.destroy()
  end.addEventListener('abort', leave, { once: true })
  try {
    socket.connect({ host: address, port })
    await once(socket, 'connect', { signal: end })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    end.removeEventListener('abort', leave)
  }
}

function socketInside(container: Container, address: string): Socket {
  const init = container.live?.pidfd
  if (!init) throw conflict(`container ${container.id} is not running`)
  using namespace = networkNamespaceOf(container.state.pid)
  // Its number is another's once it is gone.
  pidfdSignal(init, 0)
  const fd = inNetworkNamespace(namespace, () => streamSocket(address.includes(':') ? 6 : 4))
  return new Socket({ fd: fd.release(), readable: true, writable: true })
}

function accepted(socket: Socket, { text }: NativeTarget): ProbeResult {
  socket.destroy()
  return { exitCode: 0, output: `${text}: connected` }
}

async function answer(socket: Socket, target: NativeTarget, end: AbortSignal): Promise<ProbeResult> {
  const { path, host, text } = target
  // An agent, even none of its own, would make a connection from outside.
  const request = get({
    createConnection: () => socket,
    path,
    headers: { host, connection: 'close', 'user-agent': 'gantry-health' },
    maxHeaderSize: longestHeaders,
    signal: end,
  })
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const status = response.statusCode ?? 0
    const output = new ProbeOutput()
    output.keep(Buffer.from(`${text}: ${status} ${response.statusMessage}\n`))
    for await (const chunk of response as AsyncIterable<Buffer>) if (!output.keep(chunk)) break
    return { exitCode: status >= 200 && status < 400 ? 0 : 1, output: String(output) }
  } finally {
    request.on('error', () => {}).destroy()
    socket.destroy()
  }
}
