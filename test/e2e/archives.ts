// Archives of containers' files over the API, as programs get and put them.

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

import type { Engine } from '../kit/engine.ts'

/** An archive that was got, or what came of it. */
export interface Got {
  readonly status: number
  readonly body: Buffer
  /** False if the engine cut it off. */
  readonly complete: boolean
}

/** GET of a path whose answer is not read yet. */
export async function get(engine: Engine, path: string): Promise<IncomingMessage> {
  const sent = request({ socketPath: engine.socket, agent: false, path })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return answer
}

/** The archive of `path` in a container. */
export async function getArchive(engine: Engine, container: string, path: string): Promise<Got> {
  const answer = await get(engine, `/containers/${container}/archive?path=${encodeURIComponent(path)}`)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer)
  } catch {
    // Told by `complete`.
  }
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks), complete: answer.complete }
}

/** Puts an archive into the directory `path` of a container; resolves to the status. */
export async function putArchive(engine: Engine, container: string, path: string, archive: Buffer): Promise<number> {
  const target = `/containers/${container}/archive?path=${encodeURIComponent(path)}`
  const sent = request({ socketPath: engine.socket, agent: false, method: 'PUT', path: target })
  // Refused before all of it was read.
  sent.on('error', () => {})
  sent.end(archive)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  await once(answer, 'close')
  return answer.statusCode ?? 0
}
