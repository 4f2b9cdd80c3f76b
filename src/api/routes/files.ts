// Operations on containers' files.

import { flag, text, texts } from '../query.ts'
import { json, route, streamed } from '../route.ts'
import { ContainerConfig } from '../types/container.ts'

export const fileRoutes = {
  ContainerChanges: route('GET', '/containers/{name}/changes'),
  ContainerExport: route('GET', '/containers/{name}/export'),
  ContainerArchiveInfo: route('HEAD', '/containers/{name}/archive', { query: { path: text() } }),
  ContainerArchive: route('GET', '/containers/{name}/archive', { query: { path: text() } }),
  PutContainerArchive: route('PUT', '/containers/{name}/archive', {
    query: { path: text(), noOverwriteDirNonDir: flag(), copyUIDGID: flag() },
    body: streamed,
  }),
  ImageCommit: route('POST', '/commit', {
    query: {
      container: text(),
      repo: text(),
      tag: text(),
      comment: text(),
      author: text(),
      pause: text(),
      changes: texts(),
    },
    body: json(ContainerConfig),
  }),
}
