// Operations on the engine itself.

import { filters, timestamp } from '../query.ts'
import { route } from '../route.ts'

export const systemRoutes = {
  SystemPing: route('GET', '/_ping'),
  SystemPingHead: route('HEAD', '/_ping'),
  SystemVersion: route('GET', '/version'),
  SystemInfo: route('GET', '/info'),
  SystemEvents: route('GET', '/events', { query: { since: timestamp(), until: timestamp(), filters: filters() } }),
}
