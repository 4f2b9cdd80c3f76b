// Mounts as a client asks for them and as inspect shows them.

import { type Static, dictionary, flag, integer, list, omitted, struct, text } from '../schema.ts'

/** How mounts of a volume's driver are configured. */
export const VolumeDriver = struct('Driver', {
  Name: omitted(text()),
  Options: omitted(dictionary(text())),
})
export type VolumeDriver = Static<typeof VolumeDriver>

export const BindOptions = struct('BindOptions', {
  /** One of private, rprivate, shared, rshared, slave, rslave. */
  Propagation: omitted(text()),
  NonRecursive: omitted(flag()),
  CreateMountpoint: omitted(flag()),
  ReadOnlyNonRecursive: omitted(flag()),
  ReadOnlyForceRecursive: omitted(flag()),
})
export type BindOptions = Static<typeof BindOptions>

export const VolumeOptions = struct('VolumeOptions', {
  NoCopy: omitted(flag()),
  Labels: omitted(dictionary(text())),
  Subpath: omitted(text()),
  DriverConfig: omitted(VolumeDriver),
})
export type VolumeOptions = Static<typeof VolumeOptions>

export const ImageOptions = struct('ImageOptions', { Subpath: omitted(text()) })
export type ImageOptions = Static<typeof ImageOptions>

export const TmpfsOptions = struct('TmpfsOptions', {
  SizeBytes: omitted(integer()),
  Mode: omitted(integer('uint32')),
  Options: omitted(list(list(text()))),
})
export type TmpfsOptions = Static<typeof TmpfsOptions>

/** A mount in HostConfig.Mounts. */
export const Mount = struct('Mount', {
  /** One of bind, volume, tmpfs, npipe, cluster, image. */
  Type: omitted(text()),
  Source: omitted(text()),
  Target: omitted(text()),
  ReadOnly: omitted(flag()),
  Consistency: omitted(text()),
  BindOptions: omitted(BindOptions),
  VolumeOptions: omitted(VolumeOptions),
  ImageOptions: omitted(ImageOptions),
  TmpfsOptions: omitted(TmpfsOptions),
  ClusterOptions: omitted(struct('ClusterOptions', {})),
})
export type Mount = Static<typeof Mount>

/** A mount of a container, as inspect and list show it. */
export interface MountPoint {
  Type?: string
  Name?: string
  Source: string
  Destination: string
  Driver?: string
  Mode: string
  RW: boolean
  Propagation: string
}
