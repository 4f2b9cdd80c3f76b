// Volumes.

import { type Static, dictionary, struct, text } from '../schema.ts'

export const VolumeCreateRequest = struct('CreateOptions', {
  Driver: text(),
  DriverOpts: dictionary(text()),
  Labels: dictionary(text()),
  Name: text(),
})
export type VolumeCreateRequest = Static<typeof VolumeCreateRequest>

export interface Volume {
  CreatedAt?: string
  Driver: string
  Labels: Record<string, string> | null
  Mountpoint: string
  Name: string
  Options: Record<string, string> | null
  Scope: 'local' | 'global'
  Status?: Record<string, unknown>
  /** Only in disk usage; -1 means not known. */
  UsageData?: { RefCount: number; Size: number }
}

export interface VolumeList {
  Volumes: Volume[]
  Warnings: string[] | null
}

export interface VolumePruneResponse {
  VolumesDeleted: string[] | null
  SpaceReclaimed: number
}
