// From the configured hosts to addresses that can be bound.

import { notFound } from '../lib/errors.ts'
import type { Config } from './config.ts'
import type { ListenAddress } from './http/listen.ts'
import type { InheritedSocket } from './service-manager.ts'

/** The addresses to bind; `fd://` stands for those of `sockets`. Throws `notFound` if there are none. */
export function listenAddresses(
  { hosts, group, groupRequired }: Pick<Config, 'hosts' | 'group' | 'groupRequired'>,
  sockets: readonly InheritedSocket[],
): ListenAddress[] {
  return hosts.flatMap((host): ListenAddress[] => {
    if (host.kind === 'unix') return [{ ...host, group, groupRequired }]
    return host.kind === 'tcp' ? [host] : chosen(host.name, sockets)
  })
}

function chosen(name: string, sockets: readonly InheritedSocket[]): ListenAddress[] {
  const fits = (socket: InheritedSocket) =>
    name === '' || name === '*' || socket.name === name || String(socket.fd) === name
  const found = sockets.filter(fits)
  if (found.length > 0) return found.map(({ fd }) => ({ kind: 'fd', fd }))
  throw notFound(`no sockets found via socket activation: make sure the service was started by systemd (fd://${name})`)
}
