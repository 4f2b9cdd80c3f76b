// Binds the addresses that `-H` names: unix sockets, TCP with or without TLS, and sockets passed by systemd.

import { chmod, chown, mkdir, readFile, unlink } from 'node:fs/promises'
import { type ListenOptions, type Server, type Socket, connect, createServer } from 'node:net'
import { basename, dirname } from 'node:path'
import { isUnixSocket } from '../../kernel/socket.ts'
import { messageOf, system } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { findGroup } from './group.ts'

/** A place to listen. */
export type ListenAddress =
  | {
      readonly kind: 'unix'
      readonly path: string
      /** Name or number of the group that may connect besides root; '' for root's own. */
      readonly group: string
      /** False: a missing group is only logged. */
      readonly groupRequired: boolean
    }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** A listening socket that was inherited. */
  | { readonly kind: 'fd'; readonly fd: number }

/** PEM files for TLS; with `ca`, clients must show a certificate that it signed. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
  readonly ca: string | undefined
}

/** Longest path of a unix socket: sockaddr_un has 108 bytes, one of them the NUL. unix(7). */
const longestPath = 107

type Accept = (socket: Socket) => void

/** Binds `address`, listens, and gives `accept` each connection, which allows half-close. Throws `system`. */
export async function bindListener(
  address: ListenAddress,
  options: { tls: TlsFiles | undefined; accept: Accept; log: Log },
): Promise<Server> {
  const { tls, accept, log } = options
  const remote = isRemote(address)
  const secure = remote && tls !== undefined
  const server = secure ? await createSecure(tls, accept, log) : createServer({ allowHalfOpen: true }, accept)
  try {
    if (remote && !secure) {
      log.warn(
        { ...address },
        'The API is served without encryption: whoever can reach it has root access to this host',
      )
    }
    if (address.kind === 'unix') await bindUnix(server, address, log)
    else await bound(server, address.kind === 'fd' ? { fd: address.fd } : { host: address.host, port: address.port })
    return server
  } catch (cause) {
    server.close()
    throw system(`failed to listen on ${describeAddress(address)}: ${messageOf(cause)}`, { cause })
  }
}

// Of the sockets that systemd passes, too, only those of a network need TLS.
function isRemote(address: ListenAddress): boolean {
  if (address.kind !== 'fd') return address.kind === 'tcp'
  try {
    return !isUnixSocket(address.fd)
  } catch (cause) {
    throw system(`failed to listen on ${describeAddress(address)}: ${messageOf(cause)}`, { cause })
  }
}

/** The address as `-H` takes it. */
export function describeAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`
  return address.kind === 'tcp' ? `tcp://${address.host}:${address.port}` : `fd://${address.fd}`
}

function bound(server: Server, options: ListenOptions | { fd: number }): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ ...options, backlog: 4096 }, () => {
    server.off('error', reject)
    resolve()
  })
  return promise
}

type UnixAddress = Extract<ListenAddress, { kind: 'unix' }>

// A socket left by a daemon that was killed is in the way; one that somebody listens on is left alone.
async function bindUnix(server: Server, { path, group, groupRequired }: UnixAddress, log: Log) {
  if (Buffer.byteLength(path) > longestPath) throw system(`the path is longer than ${longestPath} bytes`)
  await mkdir(dirname(path), { recursive: true, mode: 0o711 })
  if (await isAnswered(path)) throw system(`another process${suspect(path)} is listening there: stop it first`)
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await withUmask(0o177, () => bound(server, { path }))
  await chown(path, 0, await groupId(group, groupRequired, log))
  await chmod(path, 0o660)
}

const suspect = (path: string) => (basename(path) === 'docker.sock' ? ', most likely dockerd,' : '')

function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const probe = connect(path)
  probe.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => probe.destroy())
}

/** Runs the synchronous part of `body`, which creates the socket file, so that no other user can connect too early. */
function withUmask<T>(mask: number, body: () => T): T {
  const before = process.umask(mask)
  try {
    return body()
  } finally {
    process.umask(before)
  }
}

async function groupId(group: string, required: boolean, log: Log): Promise<number> {
  if (group === '') return 0
  const gid = await findGroup(group)
  if (gid !== undefined) return gid
  if (required) throw system(`group ${group} not found`)
  log.info({ group }, 'There is no such group on this host, so only root can connect to the API socket')
  return 0
}

async function createSecure({ certificate, key, ca }: TlsFiles, accept: Accept, log: Log): Promise<Server> {
  const [cert, privateKey, authority] = await Promise.all([certificate, key, ca].map(readPem))
  const verify = { requestCert: authority !== undefined, rejectUnauthorized: authority !== undefined }
  const options = {
    cert,
    key: privateKey,
    ca: authority,
    ...verify,
    minVersion: 'TLSv1.2',
    allowHalfOpen: true,
  } as const
  // Only who wants TLS waits for it to be loaded.
  const { createServer: createTlsServer } = await import('node:tls')
  const server = createTlsServer(options, accept)
  server.on('tlsClientError', error => log.debug({ err: error }, 'A TLS handshake failed'))
  return server
}

async function readPem(path: string | undefined): Promise<Buffer | undefined> {
  try {
    return path === undefined ? undefined : await readFile(path)
  } catch (cause) {
    throw system(`cannot use TLS: ${messageOf(cause)}`, { cause })
  }
}
