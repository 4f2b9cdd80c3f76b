// `gantry network ls`: the networks.

import type { NetworkSummary } from '../../api/types/network.ts'
import { listNetworks } from '../../client/networks.ts'
import { shortId } from '../../lib/ids.ts'
import { checked, flag } from '../flags.ts'
import { type Row, formatListing, joinLabels } from '../output/listing.ts'
import { naturalOrder } from '../output/natural.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

const titles = {
  ID: 'NETWORK ID',
  Name: 'NAME',
  Driver: 'DRIVER',
  Scope: 'SCOPE',
  IPv4: 'IPV4',
  IPv6: 'IPV6',
  Internal: 'INTERNAL',
  Labels: 'LABELS',
  CreatedAt: 'CREATED AT',
}

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'List networks',
  flags: [
    checked(flag('filter', 'list', 'Provide filter values', 'f'), checkFilter),
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('no-trunc', 'bool', 'Do not truncate the output'),
    flag('quiet', 'bool', 'Only display network IDs', 'q'),
  ],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const networks = await listNetworks(context.client, parseFilters(flags.list('filter')))
    const rows = networks
      .toSorted((a, b) => naturalOrder(a.Name, b.Name))
      .map(network => rowOf(network, flags.bool('no-trunc')))
    const listing = { rows, titles, columns: ['ID', 'Name', 'Driver', 'Scope'], key: 'ID' }
    context.stdout.write(formatListing(listing, flags.text('format'), flags.bool('quiet')))
    return 0
  },
}

function rowOf(network: NetworkSummary, whole: boolean): Row {
  return {
    CreatedAt: network.Created.replace('T', ' ').replace(/Z$/, ' +0000 UTC'),
    Driver: network.Driver,
    ID: whole ? network.Id : shortId(network.Id),
    IPv4: String(network.EnableIPv4),
    IPv6: String(network.EnableIPv6),
    Internal: String(network.Internal),
    Labels: joinLabels(network.Labels),
    Name: network.Name,
    Scope: network.Scope,
  }
}
