// `gantry port`: where a container's ports are published.

import { inspectContainer } from '../../client/containers.ts'
import { invalid, notFound } from '../../lib/errors.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: 'CONTAINER [PRIVATE_PORT[/PROTO]]',
  summary: 'List port mappings or a specific mapping for the container',
  flags: [],
  operands: { min: 1, max: 2 },
  async run(context, _flags, [container = '', wanted]) {
    const { NetworkSettings: network } = await inspectContainer(context.client, container)
    const published = Object.entries(network.Ports ?? {}).flatMap(([port, bindings]) =>
      (bindings ?? []).map(({ HostIp: ip, HostPort: number }) => ({ port, host: hostPort(ip, number) })),
    )
    if (wanted === undefined) {
      context.stdout.write(published.map(({ port, host }) => `${port} -> ${host}\n`).join(''))
      return 0
    }
    const [number = ''] = wanted.split('/')
    if (!/^\d+$/.test(number)) {
      throw invalid(
        `Error: invalid port (${number}): strconv.ParseUint: parsing ${JSON.stringify(number)}: invalid syntax`,
      )
    }
    const port = wanted.includes('/') ? wanted : `${wanted}/tcp`
    const lines = published.filter(each => each.port === port).map(({ host }) => `${host}\n`)
    if (lines.length === 0) throw notFound(`Error: No public port '${wanted}' published for ${container}`)
    context.stdout.write(lines.join(''))
    return 0
  },
}

const hostPort = (ip: string, port: string) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)
