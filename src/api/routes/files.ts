// Operations on containers' files.

import { flag, text } from '../query.ts'
import { route, streamed } from '../route.ts'

export const fileRoutes = {
  ContainerChanges: route('GET', '/containers/{name}/changes'),
  ContainerExport: route('GET', '/containers/{name}/export'),
  ContainerArchiveInfo: route('HEAD', '/containers/{name}/archive', { query: { path: text() } }),
  ContainerArchive: route('GET', '/containers/{name}/archive', { query: { path: text() } }),
  PutContainerArchive: route('PUT', '/containers/{name}/archive', {
    query: { path: text(), noOverwriteDirNonDir: flag(), copyUIDGID: flag() },
    body: streamed,
  }),
}
