// Sending blobs to a registry: taken over from another repository, or in one stream that goes on where it was cut off.

import { invalid, unavailable } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import { RegistryError } from './errors.ts'
import { pause } from './persistence.ts'
import type { BlobName, PushOptions } from './remote.ts'
import type { Session } from './session.ts'
import { ConnectionError, type Incoming, headerOf, readText } from './transport.ts'

/** How often an upload is taken up again, or begun anew. */
const attempts = 5

/** See Repository.mountBlob. `to` and `from` are paths within the registry. */
export async function mountBlob(
  session: Session,
  to: string,
  digest: Digest,
  from: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const path = `/v2/${to}/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`
  const allowed = session.withScope(`repository:${from}:pull`)
  try {
    const answer = await allowed.request({ method: 'POST', path, expect: [201, 202], signal })
    await readText(answer)
    if (answer.status === 201) return true
    await cancel(allowed, answer, signal)
  } catch {
    // It may be forbidden to read from there: then the bytes are sent.
    signal?.throwIfAborted()
  }
  return false
}

async function cancel(session: Session, answer: Incoming, signal?: AbortSignal): Promise<void> {
  const path = locationOf(answer)
  if (path === undefined) return
  try {
    await readText(await session.request({ method: 'DELETE', path, expect: [200, 202, 204], signal }))
  } catch {
    // The registry lets go of it some day.
    signal?.throwIfAborted()
  }
}

/** See Repository.pushBlob. */
export async function pushBlob(
  session: Session,
  to: string,
  blob: BlobName,
  open: (start: number) => AsyncIterable<Uint8Array>,
  { signal, onProgress = () => {} }: PushOptions,
): Promise<void> {
  let place = await begin(session, to, signal)
  for (let attempt = 1; ; attempt++) {
    try {
      await send(session, place, blob, open, { signal, onProgress })
      return
    } catch (error) {
      signal?.throwIfAborted()
      if (attempt === attempts || !isPassing(error)) throw error
      await pause(attempt, signal)
      place = (await resume(session, place, signal)) ?? (await begin(session, to, signal))
    }
  }
}

/** Where an upload stands. */
interface Place {
  readonly path: string
  /** Bytes that the registry has. */
  readonly start: number
}

// One that has gone meanwhile, or whose bytes are not where they should be, is begun anew.
const isPassing = (error: unknown): boolean =>
  error instanceof RegistryError
    ? error.status >= 500 || passing.includes(error.status)
    : error instanceof ConnectionError

// A token may end while a stream is sent: the next request gets another one, or is refused for good.
const passing: readonly number[] = [401, 404, 408, 416, 429]

async function begin(session: Session, to: string, signal?: AbortSignal): Promise<Place> {
  const path = `/v2/${to}/blobs/uploads/`
  const answer = await session.request({ method: 'POST', path, expect: [202], signal })
  await readText(answer)
  return { path: placed(answer), start: 0 }
}

async function resume(session: Session, { path }: Place, signal?: AbortSignal): Promise<Place | undefined> {
  try {
    const answer = await session.request({ method: 'GET', path, expect: [204], signal })
    await readText(answer)
    const last = /^(?:bytes=)?0-(\d+)$/.exec(headerOf(answer, 'range') ?? '')?.[1]
    // No bytes and one byte look the same.
    const start = last === undefined || last === '0' ? 0 : Number(last) + 1
    return start === 0 ? undefined : { path: locationOf(answer) ?? path, start }
  } catch {
    signal?.throwIfAborted()
    return undefined
  }
}

async function send(
  session: Session,
  { path, start }: Place,
  { digest, size }: BlobName,
  open: (start: number) => AsyncIterable<Uint8Array>,
  { signal, onProgress }: Required<Pick<PushOptions, 'onProgress'>> & PushOptions,
): Promise<void> {
  let next = path
  if (start < size) {
    using stalled = stallWatch(session.patience, new URL(path, session.endpoint.origin).host)
    const answer = await session.request({
      method: 'PATCH',
      path,
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': String(size - start),
        'content-range': `${start}-${size - 1}`,
      },
      body: counted(open(start), start, size, bytes => {
        stalled.moved(bytes < size)
        onProgress(bytes)
      }),
      expect: [202, 204],
      signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
    })
    await readText(answer)
    next = placed(answer)
  }
  const url = new URL(next, session.endpoint.origin)
  url.searchParams.set('digest', digest)
  const headers = { 'content-length': '0', 'content-type': 'application/octet-stream' }
  const answer = await session.request({ method: 'PUT', path: url.href, headers, expect: [201, 204], signal })
  await readText(answer)
  const told = headerOf(answer, 'docker-content-digest')
  if (told !== undefined && told !== digest)
    throw invalid(`the registry stored ${told.slice(0, 200)} instead of ${digest}`)
}

/** Aborts when nothing has moved for `patience` milliseconds, as long as there is more to send. */
function stallWatch(
  patience: number,
  host: string,
): Disposable & { readonly signal: AbortSignal; moved(isMore: boolean): void } {
  const over = new AbortController()
  const giveUp = () => over.abort(new ConnectionError(`${host} takes no more bytes of a blob`))
  let timer = setTimeout(giveUp, patience)
  return {
    signal: over.signal,
    moved(isMore) {
      clearTimeout(timer)
      if (isMore) timer = setTimeout(giveUp, patience)
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  start: number,
  size: number,
  onProgress: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let at = start
  for await (const chunk of source) {
    at += chunk.length
    yield chunk
    onProgress(at)
  }
  if (at !== size) throw invalid(`there are ${at} bytes of a blob of ${size}`)
}

function placed(answer: Incoming): string {
  const path = locationOf(answer)
  if (path === undefined) throw unavailable(`${new URL(answer.url).host} doesn't say where the upload goes on`)
  return path
}

/** The address in an answer's Location, which may be relative. */
function locationOf(answer: Incoming): string | undefined {
  const location = headerOf(answer, 'location')
  if (location === undefined || !URL.canParse(location, answer.url)) return undefined
  const url = new URL(location, answer.url)
  // Where bytes are sent must be no less safe than where the request went.
  if (url.protocol !== 'https:' && url.protocol !== new URL(answer.url).protocol) return undefined
  return url.href
}
