// Registries in the configuration: mirrors, and those that are reached without a certificate. Checked in dockerd's words.

import { isIP } from 'node:net'
import { invalid } from '../../lib/errors.ts'

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const hostAndPort = new RegExp(String.raw`^(?:${label}(?:\.${label})*|\[[a-fA-F0-9:]+\])(?::\d+)?$`)

/** Returns a mirror's URL as it is. Throws `invalid` if it is none, or has a password or a query. */
export function checkMirror(text: string): string {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? ''
  if (!['http', 'https'].includes(scheme)) {
    throw invalid(`invalid mirror: unsupported scheme ${JSON.stringify(scheme)} in ${JSON.stringify(text)}`)
  }
  const url = URL.canParse(text) && text.slice(scheme.length).startsWith('://') ? new URL(text) : undefined
  if (!url) throw invalid(`invalid mirror: ${JSON.stringify(text)} is not a valid URI`)
  if (url.username !== '' || url.password !== '') {
    throw invalid(`invalid mirror: username/password not allowed in URI ${JSON.stringify(withoutPassword(url))}`)
  }
  if (text.includes('?') || text.includes('#')) {
    throw invalid(`invalid mirror: query or fragment at end of the URI ${JSON.stringify(text)}`)
  }
  return text
}

// It is shown on terminals and in logs.
const withoutPassword = ({ protocol, username, host, pathname, search }: URL): string =>
  `${protocol}//${username}:xxxxx@${host}${pathname}${search}`

/** Returns the name of an insecure registry, or a network in CIDR form, as it is. Throws `invalid` if it is neither. */
export function checkInsecure(text: string): string {
  if (text.startsWith('-') || text.endsWith('-')) {
    throw invalid(`invalid index name (${text}). Cannot begin or end with a hyphen`)
  }
  const name = withoutScheme(text)
  if (name.includes('://')) throw invalid(`insecure registry ${text} should not contain '://'`)
  if (!isNetwork(name)) checkHost(name)
  return text
}

function isNetwork(text: string): boolean {
  const [, address = '', bits = ''] = /^(.*)\/(\d{1,3})$/.exec(text) ?? []
  const family = isIP(address)
  return family > 0 && Number(bits) <= (family === 4 ? 32 : 128)
}

function checkHost(name: string): void {
  const [, host = name, port = ''] = /^(.*):(\d+)$/.exec(name) ?? []
  if (isIP(name) > 0) return
  const problem = !hostAndPort.test(name)
    ? `invalid host ${JSON.stringify(host)}`
    : Number(port) > 65_535
      ? `invalid port ${JSON.stringify(port)}`
      : undefined
  if (problem !== undefined) throw invalid(`insecure registry ${name} is not valid: ${problem}`)
}

/** The registry's name alone, as it counts. */
export const withoutScheme = (text: string): string => text.replace(/^https?:\/\//i, '')

/** What the log says about names with a scheme; undefined for others. */
export function schemeNotice(text: string): string | undefined {
  const scheme = /^https?:\/\//i.exec(text)?.[0]
  return scheme === undefined
    ? undefined
    : `insecure registry ${text} should not contain '${scheme}' and '${scheme}' has been removed from the insecure registry config`
}
