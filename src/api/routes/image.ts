// Operations on images.

import { filters, flag, platform, platforms, text, texts } from '../query.ts'
import { route, streamed } from '../route.ts'

export const imageRoutes = {
  ImageList: route('GET', '/images/json', {
    query: {
      all: flag(),
      filters: filters(),
      /** API < 1.41: a reference to match. */
      filter: text(),
      'shared-size': flag(),
      digests: flag(),
      manifests: flag(),
    },
  }),
  /** Pulls with `fromImage`, imports with `fromSrc` (`-` is the request's body). */
  ImageCreate: route('POST', '/images/create', {
    query: {
      fromImage: text(),
      fromSrc: text(),
      repo: text(),
      tag: text(),
      message: text(),
      changes: texts(),
      platform: text(),
    },
    body: streamed,
  }),
  ImageLoad: route('POST', '/images/load', { query: { quiet: flag(true), platform: platforms() }, body: streamed }),
  ImageInspect: route('GET', '/images/{name}/json', { query: { manifests: flag(), platform: platform() } }),
  ImageAttestations: route('GET', '/images/{name}/attestations', {
    query: { platform: platform(), type: text(), statement: flag() },
  }),
  ImageHistory: route('GET', '/images/{name}/history', { query: { platform: platform() } }),
  ImagePush: route('POST', '/images/{name}/push', { query: { tag: text(), platform: platform() }, body: streamed }),
  ImageTag: route('POST', '/images/{name}/tag', { query: { repo: text(), tag: text() } }),
  ImageGet: route('GET', '/images/{name}/get', { query: { platform: platforms() } }),
  ImageGetAll: route('GET', '/images/get', { query: { names: texts(), platform: platforms() } }),
  ImageDelete: route('DELETE', '/images/{name}', {
    query: { force: flag(), noprune: flag(), platforms: platforms() },
  }),
  /** What a registry has under a name. */
  DistributionInspect: route('GET', '/distribution/{name}/json'),
  ImagePrune: route('POST', '/images/prune', { query: { filters: filters() } }),
}
