// Reads JSON bodies of bounded size and time, with dockerd's complaints.

import type { IncomingMessage } from 'node:http'
import { invalid } from '../../lib/errors.ts'
import { describeSyntaxError } from './json-syntax.ts'
import type { Operation } from './router.ts'

const largest = 16 * 1024 * 1024
const slowest = 60_000

/** The body of a request as its route declares it. Throws `invalid` if it is not that. */
export async function readBody(request: IncomingMessage, { route, decode }: Operation): Promise<unknown> {
  if (route.body.kind !== 'json' || !decode) return undefined
  const { required } = route.body
  const parsed = await readJson(request, required !== undefined)
  if (required !== undefined && isBlank(parsed)) throw invalid(required)
  return decode(parsed)
}

const isBlank = (value: unknown) =>
  value === null || (typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0)

async function readJson(request: IncomingMessage, required: boolean): Promise<unknown> {
  const { 'content-type': contentType = '', 'content-length': length, 'transfer-encoding': encoding } = request.headers
  const hasBody = encoding !== undefined || (length !== undefined && length !== '0')
  if (contentType !== '' || hasBody) checkContentType(contentType)
  if (!hasBody && !required) return {}
  return parseJson(hasBody ? await collect(request) : '')
}

function checkContentType(contentType: string) {
  const [mediaType = ''] = contentType.split(';')
  if (contentType === '') throw invalid('malformed Content-Type header (): mime: no media type')
  if (mediaType.trim().toLowerCase() === 'application/json') return
  throw invalid(`unsupported Content-Type header (${contentType}): must be 'application/json'`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    if (text.trim() === '') throw invalid('invalid JSON: got EOF while reading request body', { cause })
    const problem = describeSyntaxError(text)
    throw invalid(problem === 'unexpected content after JSON' ? problem : `invalid JSON: ${problem}`, { cause })
  }
}

function collect(request: IncomingMessage): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const chunks: Buffer[] = []
  let size = 0
  const timer = setTimeout(() => request.destroy(new Error('The request body took too long')), slowest)
  const onData = (chunk: Buffer) => {
    size += chunk.length
    if (size > largest) reject(invalid(`request body is larger than ${largest} bytes`))
    else chunks.push(chunk)
  }
  request
    .on('data', onData)
    .once('end', () => resolve(chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString()))
    .once('error', reject)
    .once('close', () => reject(invalid('the connection was closed before the request was complete')))
  return promise.finally(() => {
    clearTimeout(timer)
    request.off('data', onData).resume()
  })
}
