// What a probe without a program in the container is aimed at: an address of its loopback.

import { invalid } from '../../lib/errors.ts'

/** Where a probe connects, and what it asks for there. */
export interface NativeTarget {
  readonly protocol: 'http' | 'tcp'
  /** Addresses to try, in this order. */
  readonly addresses: readonly string[]
  readonly port: number
  /** Of the Host header. */
  readonly host: string
  /** Path and query of the request; for http only. */
  readonly path: string
  /** As it was given. */
  readonly text: string
}

const longestText = 2048

/**
 * Reads `http://localhost:8080/path` or `tcp://127.0.0.1:6379`. Throws invalid for all but a port of the container's own
 * loopback: names of others would have to be resolved, and a check of a container is of nothing else.
 */
export function parseNativeTarget(text: string): NativeTarget {
  const url = text.length <= longestText && URL.canParse(text) ? new URL(text) : undefined
  const protocol = url?.protocol.slice(0, -1)
  if (!url || (protocol !== 'http' && protocol !== 'tcp') || url.username || url.password || url.hash) {
    throw wrong(text, 'give it as http://localhost:PORT/PATH or tcp://localhost:PORT')
  }
  const port = Number(url.port || (protocol === 'http' ? 80 : 0))
  if (port === 0) throw wrong(text, 'it has no port')
  if (protocol === 'tcp' && !/^\/?$/.test(url.pathname + url.search)) throw wrong(text, 'tcp has no path')
  const path = url.pathname + url.search
  return { protocol, addresses: loopback(url.hostname, text), port, host: url.host, path, text }
}

function loopback(name: string, text: string): string[] {
  const address = name.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (address === 'localhost') return ['127.0.0.1', '::1']
  if (address === '::1' || /^127(\.\d{1,3}){3}$/.test(address)) return [address]
  throw wrong(text, 'its host must be localhost or another loopback address: it is the container’s own')
}

const wrong = (text: string, why: string) =>
  invalid(`invalid health check ${JSON.stringify(text.slice(0, longestText))}: ${why}`)
