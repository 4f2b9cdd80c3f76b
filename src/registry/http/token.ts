// The authorization service: GET and POST /token (distribution's token authentication and OAuth2 specifications).

import type { IncomingMessage } from 'node:http'
import type { Gate } from '../auth/gate.ts'
import { RegistryError } from '../errors.ts'
import type { RegistryAnswer } from './call.ts'

const longestForm = 16_384

/** Answers a request for a token, by name and password, by a refresh token, or by nobody in particular. */
export async function token(gate: Gate, request: IncomingMessage, query: URLSearchParams): Promise<RegistryAnswer> {
  const address = request.socket.remoteAddress ?? ''
  if (request.method === 'GET') {
    const { user } = await gate.caller(request.headers, address)
    return answer(await gate.grant(user, query.getAll('scope'), query.get('offline_token') === 'true'))
  }
  if (request.method !== 'POST') throw new RegistryError('UNSUPPORTED', `${request.method} is not possible here`)
  const form = await readForm(request)
  const user = await userOf(gate, form, address)
  const granted = await gate.grant(user, form.getAll('scope'), form.get('access_type') === 'offline')
  return answer(granted)
}

async function userOf(gate: Gate, form: URLSearchParams, address: string): Promise<string> {
  switch (form.get('grant_type')) {
    case 'password':
      return await gate.password(form.get('username') ?? '', form.get('password') ?? '', address)
    case 'refresh_token':
      return await gate.refreshed(form.get('refresh_token') ?? '')
    default:
      throw new RegistryError('UNSUPPORTED', 'grant_type has to be password or refresh_token', { status: 400 })
  }
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1')
    if (text.length > longestForm) throw new RegistryError('UNSUPPORTED', 'the form is too long', { status: 413 })
  }
  return new URLSearchParams(text)
}

const answer = (body: object): RegistryAnswer => ({
  status: 200,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
})
