// Giving images names.

import { invalid } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import {
  type Reference,
  familiarName,
  familiarReference,
  parseReference,
  withDefaultTag,
  withTag,
} from '../oci/reference.ts'
import type { Image, ImageStore, Origin } from './store.ts'

/**
 * The name that a repository and a tag, either of which may be '', stand for; undefined without a repository. Throws
 * `invalid` as Docker does.
 */
export function targetReference(repository: string, tag: string): Reference | undefined {
  if (repository === '') return undefined
  const reference = parseReference(repository)
  if (reference.digest !== undefined) throw invalid('cannot import digest reference')
  return tag === '' ? withDefaultTag(reference) : withTag(reference, tag)
}

/** Gives the image `name` another name, taking that from the image that had it. Returns the name in its short form. */
export function tagImage(store: ImageStore, name: string, repository: string, tag: string): string {
  const target = targetReference(repository, tag)
  if (!target) throw invalid('invalid reference format')
  if (familiarName(target) === 'sha256') {
    throw invalid('refusing to create an ambiguous tag using digest algorithm as name')
  }
  const image = store.resolve(name)
  const origin = store.originOf(name)
  const dropped = store.rows.transaction(() => giveName(store, image, target, origin))
  store.collect(dropped)
  const familiar = familiarReference(target)
  store.emit('tag', image.id, familiar)
  return familiar
}

/** Returns the blobs that may be collected, since the name stood for an index that has no other. */
function giveName(store: ImageStore, { id }: Image, target: Reference, origin: Origin): Digest[] {
  store.rows.name(target, id, origin)
  store.rows.setTaggedAt(id, store.clock.now())
  return store.dropUnnamed()
}
