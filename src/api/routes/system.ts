// Operations on the engine itself.

import { filters, flag, texts, timestamp } from '../query.ts'
import { json, route } from '../route.ts'
import { AuthConfig } from '../types/auth.ts'

export const systemRoutes = {
  SystemPing: route('GET', '/_ping'),
  SystemPingHead: route('HEAD', '/_ping'),
  SystemVersion: route('GET', '/version'),
  SystemInfo: route('GET', '/info'),
  SystemAuth: route('POST', '/auth', { body: json(AuthConfig) }),
  SystemDataUsage: route('GET', '/system/df', { query: { type: texts(), verbose: flag() } }),
  /** There is no build cache. */
  BuildPrune: route('POST', '/build/prune', { query: { all: flag(), filters: filters() } }),
  SystemEvents: route('GET', '/events', { query: { since: timestamp(), until: timestamp(), filters: filters() } }),
}
