// What is attested about an image: in-toto statements that came with its index, or in manifests that refer to it.

import type { AttestationStatement } from '../api/types/image.ts'
import { system } from '../lib/errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Descriptor, Platform } from '../oci/manifest.ts'
import { hostPlatform } from '../oci/platform.ts'
import { attestationManifests, indexOf, predicateType, readDocument } from './manifests.ts'
import type { ImageStore } from './store.ts'
import { forPlatform, manifestOf, resolveVariant, variantsOf } from './variants.ts'

export interface AttestationQuery {
  /** Without one, this host's, or the image that the name means. */
  readonly platform: Platform | undefined
  /** Predicate types; none: all. */
  readonly types: readonly string[]
  /** With the statements themselves. */
  readonly statement: boolean
}

/** Bytes of a statement that is answered; a bill of materials may be large. */
const maximumStatement = 64 << 20

/** The statements about an image, in the order of its manifests. Throws `notFound` as resolveVariant does. */
export async function attestations(
  store: ImageStore,
  name: string,
  { platform, types, statement }: AttestationQuery,
): Promise<AttestationStatement[]> {
  const image = platform
    ? resolveVariant(store, name, platform)
    : (forPlatform(variantsOf(store, name), hostPlatform) ?? store.resolve(name))
  const index = store.indexOf(name) ?? indexOf(store, image)
  const subject = manifestOf(store, image.id, { index: index?.digest })
  if (subject === undefined) return []
  const found: AttestationStatement[] = []
  for (const digest of await manifestsAbout(store, subject, index?.digest)) {
    const document = await readDocument(store, digest)
    for (const layer of document?.kind === 'manifest' ? document.layers : []) {
      const type = layer.annotations?.[predicateType]
      if (type === undefined || (types.length > 0 && !types.includes(type))) continue
      const Statement = statement ? await readStatement(store, layer) : undefined
      found.push({ Descriptor: { ...layer } as AttestationStatement['Descriptor'], PredicateType: type, Statement })
    }
  }
  return found
}

/** Those that the index has for the image, then those that refer to it or to the index. */
async function manifestsAbout(store: ImageStore, subject: Digest, index: Digest | undefined): Promise<Set<Digest>> {
  const attested = index ? await attestationManifests(store, index, subject) : []
  const referring = [subject, ...(index ? [index] : [])].flatMap(digest => store.referrers.of(digest))
  return new Set([...attested, ...referring].map(({ digest }) => digest))
}

async function readStatement({ blobs }: ImageStore, { digest }: Descriptor): Promise<unknown> {
  const text = (await blobs.read(digest, maximumStatement)).toString()
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw system(`attestation ${digest} is not valid JSON`, { cause })
  }
}
