// Reads --publish and --expose.

import { isIP } from 'node:net'
import type { PortBinding } from '../../api/types/network.ts'
import { invalid } from '../../lib/errors.ts'

type Bindings = Record<string, PortBinding[]>

/** Port bindings of `[[address:]host[-host]:]container[-container][/protocol]` texts, keyed as `80/tcp`. */
export function parsePublished(texts: readonly string[]): Bindings {
  const bindings: Bindings = {}
  for (const text of texts) {
    for (const [port, binding] of parseOne(text)) {
      const list = (bindings[port] ??= [])
      list.push(binding)
    }
  }
  return bindings
}

/** `80`, `80/udp` or `80-82/tcp` of --expose, one by one. */
export function parseExposed(texts: readonly string[]): string[] {
  return texts.flatMap(text => {
    const [range, protocol] = splitProtocol(text)
    if (text.includes(':')) throw invalid(`invalid port format for --expose: ${text}`)
    const syntax = `strconv.ParseUint: parsing ${JSON.stringify(range)}: invalid syntax`
    const { first, last } = parseRange(range, `invalid range format for --expose: ${text}, error: ${syntax}`)
    return numbers(first, last).map(port => `${port}/${protocol}`)
  })
}

function parseOne(text: string): [string, PortBinding][] {
  const [body, protocol] = splitProtocol(text)
  const { address, host, container } = splitParts(body, text)
  if (container === '') throw invalid(`no port specified: ${text}<empty>`)
  const inner = parseRange(container, `invalid containerPort: ${container}`)
  const outer = host === '' ? undefined : parseRange(host, `invalid hostPort: ${host}`)
  const size = inner.last - inner.first
  if (outer && size > 0 && outer.last - outer.first !== size) {
    throw invalid(`invalid ranges specified for container and host Ports: ${container} and ${host}`)
  }
  return numbers(inner.first, inner.last).map((port, index) => [
    `${port}/${protocol}`,
    { HostIp: address, HostPort: hostPort(outer, size, index) },
  ])
}

// One container port with a range of host ports takes whichever of them is free.
function hostPort(outer: Range | undefined, size: number, index: number): string {
  if (!outer) return ''
  if (size === 0 && outer.last > outer.first) return `${outer.first}-${outer.last}`
  return String(outer.first + index)
}

function splitProtocol(text: string): [string, string] {
  const [body = '', protocol = 'tcp', ...more] = text.split('/')
  if (more.length > 0 || !/^(tcp|udp|sctp)$/i.test(protocol)) throw invalid(`invalid proto: ${protocol}`)
  return [body, protocol.toLowerCase()]
}

function splitParts(body: string, text: string) {
  const bracketed = /^\[([^\]]*)\]:(.*)$/.exec(body)
  const parts = (bracketed?.[2] ?? body).split(':')
  const container = parts.pop() ?? ''
  const host = parts.pop() ?? ''
  const address = bracketed ? (bracketed[1] ?? '') : parts.join(':')
  if (address !== '' && isIP(address) === 0) {
    throw invalid(`invalid IP address: ${address}`)
  }
  if (bracketed && parts.length > 0) throw invalid(`invalid port format: ${text}`)
  return { address, host, container }
}

interface Range {
  readonly first: number
  readonly last: number
}

function parseRange(text: string, message: string): Range {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text)
  const first = Number(match?.[1])
  const last = Number(match?.[2] ?? match?.[1])
  if (!match || last > 65_535 || first > last) throw invalid(message)
  return { first, last }
}

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index)
