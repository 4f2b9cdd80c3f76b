// Handlers of the operations on networks.

import { type Handlers, json } from '../../api/handler.ts'
import type { networkRoutes } from '../../api/routes/network.ts'
import { invalid } from '../../lib/errors.ts'
import { parseUntilFilter } from '../../lib/until.ts'
import type { Engine } from '../../container/engine.ts'

/** A handler for each operation on networks. */
export function networkHandlers({ networks, events, clock }: Engine): Pick<Handlers, keyof typeof networkRoutes> {
  return {
    async NetworkList({ query }) {
      const { filters } = query
      filters.validate(['driver', 'dangling', 'id', 'label', 'name', 'scope', 'type'])
      const wrong = filters.get('type').find(type => !['builtin', 'custom'].includes(type))
      if (wrong !== undefined) throw invalid(`invalid filter: 'type'='${wrong}'`)
      // The predefined ones are never without use.
      if (filters.flag('dangling', false)) return json([])
      return json(
        networks
          .list()
          .filter(
            network =>
              filters.matches('name', network.Name) &&
              filters.matchesPrefix('id', network.Id) &&
              filters.matchesExactly('driver', network.Driver) &&
              filters.matchesExactly('scope', network.Scope) &&
              filters.matchesExactly('type', 'builtin') &&
              filters.matchesLabels('label', network.Labels),
          )
          .map(network => ({ ...network, Containers: {} })),
      )
    },
    // Those that there are can't be removed.
    async NetworkPrune({ query }) {
      query.filters.validate(['label', 'label!', 'until'])
      parseUntilFilter(query.filters, clock.now())
      events.publish('network', 'prune', '', { reclaimed: '0' })
      return json({ NetworksDeleted: null })
    },
    NetworkInspect: async ({ params }) => json(networks.inspect(params.id)),
  }
}
