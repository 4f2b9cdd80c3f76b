// Images as list, inspect, history and remove answer them.

import type { ContainerConfig, GraphDriver, Healthcheck } from './container.ts'
import type { Descriptor, Platform } from './descriptor.ts'

/** The `config` of an image config with Docker's extensions; fields at their zero value are left out. */
export interface ImageConfig {
  User?: string
  ExposedPorts?: Record<string, Record<string, never>>
  Env?: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  Volumes?: Record<string, Record<string, never>>
  WorkingDir?: string
  Labels?: Record<string, string>
  StopSignal?: string
  ArgsEscaped?: boolean
  Healthcheck?: Healthcheck
  OnBuild?: string[]
  Shell?: string[]
}

export interface ImageManifestSummary {
  ID: string
  Descriptor: Descriptor
  Available: boolean
  Size: { Content: number; Total: number }
  Kind: 'image' | 'attestation' | 'unknown'
  ImageData?: { Platform: Platform; Size: { Unpacked: number }; Containers: string[] }
  AttestationData?: { For: string }
}

/** An in-toto statement about an image; API 1.55 and newer. */
export interface AttestationStatement {
  Descriptor: Descriptor
  PredicateType: string
  /** If it was asked for. */
  Statement?: unknown
}

/** Where an image came from; API 1.53 and newer. */
export interface ImageIdentity {
  Pull?: { Repository?: string }[]
  Build?: { Ref?: string; CreatedAt?: string }[]
}

export interface ImageInspect {
  /** `sha256:…`. */
  Id: string
  RepoTags: string[]
  RepoDigests: string[]
  /** API < 1.52 only. */
  Parent?: string
  Comment?: string
  Created?: string
  /** API < 1.45 only. */
  Container?: string
  /** API < 1.45 only. */
  ContainerConfig?: ContainerConfig
  /** API < 1.52 only. */
  DockerVersion?: string
  Author?: string
  Config: ImageConfig
  Architecture: string
  Variant?: string
  Os: string
  OsVersion?: string
  Size: number
  /** API < 1.44 only. */
  VirtualSize?: number
  GraphDriver: GraphDriver
  RootFS: { Type?: string; Layers?: string[] }
  Metadata: {
    LastTagTime?: string
    /** Gantry's own: when it was pulled or loaded, or a container made of it or started. */
    LastUsedTime?: string
  }
  Descriptor?: Descriptor
  Manifests?: ImageManifestSummary[]
  Identity?: ImageIdentity
}

export interface ImageSummary {
  /** -1 unless asked for. */
  Containers: number
  /** Seconds since the epoch. */
  Created: number
  Id: string
  Labels: Record<string, string> | null
  ParentId: string
  Descriptor?: Descriptor
  Manifests?: ImageManifestSummary[]
  RepoDigests: string[]
  RepoTags: string[]
  /** -1 unless asked for. */
  SharedSize: number
  Size: number
  /** API < 1.44 only. */
  VirtualSize?: number
}

export interface ImageHistoryItem {
  Comment: string
  /** Seconds since the epoch. */
  Created: number
  CreatedBy: string
  /** An id, or `<missing>`. */
  Id: string
  Size: number
  Tags: string[] | null
}

export interface ImageDeleteItem {
  Deleted?: string
  Untagged?: string
}

export interface ImagePruneResponse {
  ImagesDeleted: ImageDeleteItem[] | null
  SpaceReclaimed: number
}

export interface ImageSearchResult {
  star_count: number
  is_official: boolean
  name: string
  is_automated: boolean
  description: string
}

/** One line of a progress stream (load, pull, push, build, import). */
export interface ProgressMessage {
  stream?: string
  status?: string
  progressDetail?: { current?: number; total?: number; start?: number; hidecounts?: boolean; units?: string }
  progress?: string
  id?: string
  errorDetail?: { code?: number; message?: string }
  error?: string
  aux?: unknown
}

/** Answer of commit. */
export interface IdResponse {
  Id: string
}
