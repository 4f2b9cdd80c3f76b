// Operations on volumes.

import { filters, flag } from '../query.ts'
import { json, route } from '../route.ts'
import { VolumeCreateRequest } from '../types/volume.ts'

export const volumeRoutes = {
  VolumeList: route('GET', '/volumes', { query: { filters: filters() } }),
  VolumeCreate: route('POST', '/volumes/create', { body: json(VolumeCreateRequest) }),
  VolumeInspect: route('GET', '/volumes/{name}'),
  VolumeDelete: route('DELETE', '/volumes/{name}', { query: { force: flag() } }),
  VolumePrune: route('POST', '/volumes/prune', { query: { filters: filters() } }),
}
