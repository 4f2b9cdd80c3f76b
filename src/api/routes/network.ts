// Operations on networks.

import { filters, flag, text } from '../query.ts'
import { route } from '../route.ts'

export const networkRoutes = {
  NetworkList: route('GET', '/networks', { query: { filters: filters() } }),
  NetworkPrune: route('POST', '/networks/prune', { query: { filters: filters() } }),
  NetworkInspect: route('GET', '/networks/{id}', { query: { verbose: flag(), scope: text() } }),
}
