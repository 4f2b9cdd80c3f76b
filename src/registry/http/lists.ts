// Lists: tags, repositories and referrers (OCI distribution specification, end-8 and end-12; the catalog is Docker's).

import type { OutgoingHttpHeaders } from 'node:http'
import { mediaTypes } from '../../oci/manifest.ts'
import { parseContentDigest } from '../digest.ts'
import { RegistryError } from '../errors.ts'
import type { RegistryAnswer, RegistryCall } from './call.ts'

/** GET /v2/<name>/tags/list */
export async function tagList({ repository, query, cache, origin }: RegistryCall): Promise<RegistryAnswer> {
  const { name } = repository
  const tags = origin && cache ? await cache.tags(repository, origin) : await repository.tags()
  const { items, headers } = page(tags, query, `/v2/${name}/tags/list`)
  return json({ name, tags: items }, headers)
}

/** GET /v2/_catalog */
export async function catalog(names: readonly string[], query: URLSearchParams): Promise<RegistryAnswer> {
  const { items, headers } = page(names, query, '/v2/_catalog')
  return json({ repositories: items }, headers)
}

/** GET /v2/<name>/referrers/<digest>: never an error for what isn't there. */
export async function referrers(call: RegistryCall): Promise<RegistryAnswer> {
  const { repository, query, cache, origin } = call
  const subject = parseContentDigest(call.reference)
  const foreign = origin && (await cache?.referrers(origin, subject))
  // Another registry's are one page.
  const { page: all, more } = foreign
    ? { page: foreign, more: false }
    : await repository.referrers(subject, query.get('last') ?? '')
  const wanted = query.get('artifactType')
  const next = new URLSearchParams({ ...(wanted !== null && { artifactType: wanted }), last: all.at(-1)?.digest ?? '' })
  const link = more ? { link: `</v2/${repository.name}/referrers/${subject}?${next}>; rel="next"` } : {}
  const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted)
  const filtered = wanted === null ? {} : { 'oci-filters-applied': 'artifactType' }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  return json(index, { 'content-type': mediaTypes.ociIndex, ...filtered, ...link })
}

// `n` items after `last`; a Link header (RFC 8288) names the next page, if there is more.
function page(sorted: readonly string[], query: URLSearchParams, path: string) {
  const last = query.get('last')
  const rest = last === null ? sorted : sorted.filter(item => item > last)
  const asked = query.get('n')
  if (asked === null) return { items: rest, headers: {} }
  if (!/^\d{1,9}$/.test(asked))
    throw new RegistryError('UNSUPPORTED', 'n has to be a number', { status: 400, detail: { n: asked } })
  const items = rest.slice(0, Number(asked))
  const end = items.at(-1)
  if (end === undefined || items.length === rest.length) return { items, headers: {} }
  return { items, headers: { link: `<${path}?${new URLSearchParams({ n: asked, last: end })}>; rel="next"` } }
}

function json(value: unknown, headers: OutgoingHttpHeaders): RegistryAnswer {
  return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}
