// From the configured hosts to addresses that can be bound.

import { notFound } from '../lib/errors.ts'
import type { Config } from './config.ts'
import type { ListenAddress } from './http/listen.ts'

/** The first descriptor that systemd passes. sd_listen_fds(3). */
const firstDescriptor = 3

/** The addresses to bind, with inherited sockets found in `env` for `fd://`. Throws `notFound` if there are none. */
export function listenAddresses(
  { hosts, group, groupRequired }: Pick<Config, 'hosts' | 'group' | 'groupRequired'>,
  env: NodeJS.ProcessEnv,
): ListenAddress[] {
  return hosts.flatMap((host): ListenAddress[] => {
    if (host.kind === 'unix') return [{ ...host, group, groupRequired }]
    return host.kind === 'tcp' ? [host] : inherited(host.name, env)
  })
}

function inherited(name: string, env: NodeJS.ProcessEnv): ListenAddress[] {
  const count = env.LISTEN_PID === String(process.pid) ? Number(env.LISTEN_FDS ?? 0) : 0
  const names = (env.LISTEN_FDNAMES ?? '').split(':')
  const all = Array.from({ length: count }, (_, index) => ({ fd: firstDescriptor + index, name: names[index] }))
  const chosen = all.filter(socket => name === '' || name === '*' || socket.name === name || String(socket.fd) === name)
  if (chosen.length > 0) return chosen.map(({ fd }) => ({ kind: 'fd', fd }))
  throw notFound(`no sockets found via socket activation: make sure the service was started by systemd (fd://${name})`)
}
