// Where things lie in a registry's storage. Content is kept once for all repositories.
//
//     blobs/<algorithm>/<2 hex>/<hex>                            content
//     repositories/<name>/_blobs/<algorithm>/<hex>               a blob that the repository has
//     repositories/<name>/_manifests/<algorithm>/<hex>           a manifest: its type
//     repositories/<name>/_tags/<tag>                            the manifest's digest
//     repositories/<name>/_referrers/<a>/<subject>/<a>/<hex>     a manifest about another: its descriptor

import { type ContentDigest, partsOf } from './digest.ts'

/** Where a blob's content is, whichever repositories have it. */
export function blobKey(digest: ContentDigest): string {
  const { algorithm, hex } = partsOf(digest)
  return `blobs/${algorithm}/${hex.slice(0, 2)}/${hex}`
}
