// A repository in a registry, as those use it who pull from it and push to it.

import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'

/** How a client proves who it is (the `X-Registry-Auth` header of the Engine API). */
export interface Credentials {
  readonly username?: string
  readonly password?: string
  /** A refresh token that stands for name and password. */
  readonly identityToken?: string
  /** A bearer token to be used as it is. */
  readonly registryToken?: string
  /** The registry that they are for, as `docker login` names it. */
  readonly serverAddress?: string
}

/** A manifest or index, exactly as the registry has it. */
export interface RemoteManifest {
  readonly bytes: Buffer
  readonly mediaType: string
  /** Of `bytes`. */
  readonly digest: Digest
}

/** What names a blob: nothing of it is believed before it has been hashed. */
export type BlobName = Pick<Descriptor, 'digest' | 'size'>

export interface CallOptions {
  readonly signal?: AbortSignal
}

export interface BlobOptions extends CallOptions {
  /** Bytes that the caller has already. */
  readonly start?: number
}

export interface PushOptions extends CallOptions {
  /** Bytes that have been sent; starts again from a lower number if the upload is begun anew. */
  readonly onProgress?: (bytes: number) => void
}

/**
 * One repository (OCI distribution-spec). All methods reject with a RegistryError if the registry refuses, with
 * `unavailable` if it can't be reached, stalls or fails after several tries, and with the signal's reason.
 */
export interface Repository {
  /** Where it is, for messages: `localhost:5000/name`. */
  readonly name: string
  /** The same without the mirrors that it is read from; undefined if there are none. */
  readonly withoutMirrors: Repository | undefined
  /** Finds out whether the registry itself can be reached. */
  reach(options?: CallOptions): Promise<void>
  /** The manifest with a tag or digest, of at most maximumManifestSize bytes. Throws `invalid` if it is not what its digest says. */
  manifest(tagOrDigest: string, options?: CallOptions): Promise<RemoteManifest>
  /** The manifest's descriptor as the registry tells it; undefined if there is none. */
  head(tagOrDigest: string, options?: CallOptions): Promise<Descriptor | undefined>
  /**
   * A blob's bytes from `start` on: exactly `size - start` of them, not hashed. Throws `unavailable` if they are cut off, when
   * one may go on from where it stopped, and `invalid` if there are more.
   */
  blob(blob: BlobName, options?: BlobOptions): AsyncGenerator<Buffer, void, void>
  /** All tags. */
  tags(options?: CallOptions): AsyncGenerator<string, void, void>
  /**
   * Manifests whose subject is `digest`: by the referrers API, which is asked once even if the registry is busy, or the tag
   * that stands for it in older registries.
   */
  referrers(digest: Digest, options?: CallOptions): Promise<Descriptor[]>
  hasBlob(digest: Digest, options?: CallOptions): Promise<boolean>
  /** Takes a blob over from the repository `path` of the same registry; false if the registry doesn't, and wants its bytes. */
  mountBlob(digest: Digest, path: string, options?: CallOptions): Promise<boolean>
  /** Sends a blob, which `open` gives from a byte on. Resolves when the registry has all of it and says so. */
  pushBlob(blob: BlobName, open: (start: number) => AsyncIterable<Uint8Array>, options?: PushOptions): Promise<void>
  /** Sends a manifest; returns its digest. */
  pushManifest(tagOrDigest: string, bytes: Buffer, mediaType: string, options?: CallOptions): Promise<Digest>
}

export type Actions = 'pull' | 'pull,push'
