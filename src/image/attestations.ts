// What is attested about an image: in-toto statements that came with its index.

import type { AttestationStatement } from '../api/types/image.ts'
import { system } from '../lib/errors.ts'
import type { Descriptor, Platform } from '../oci/manifest.ts'
import { hostPlatform } from '../oci/platform.ts'
import { attestationManifests, indexOf, readDocument } from './manifests.ts'
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

/** The layer annotation that says what a statement states (BuildKit, attestation-storage.md). */
const predicateType = 'in-toto.io/predicate-type'
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
  if (!index || subject === undefined) return []
  const found: AttestationStatement[] = []
  for (const { digest } of await attestationManifests(store, index.digest, subject)) {
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

async function readStatement({ blobs }: ImageStore, { digest }: Descriptor): Promise<unknown> {
  const text = (await blobs.read(digest, maximumStatement)).toString()
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw system(`attestation ${digest} is not valid JSON`, { cause })
  }
}
