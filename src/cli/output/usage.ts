// `gantry system df -v`: what each image, container and volume takes on disk.

import type { SystemDataUsage } from '../../api/types/system.ts'
import { containerRow, containerTitles } from './container.ts'
import { imageRows, imageTitles } from './image.ts'
import { type Listing, formatListing } from './listing.ts'
import { compileTemplate } from './template.ts'
import { volumeRow, volumeTitles } from './volume.ts'

const imageColumns = ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers']
const containerColumns = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names']
const cacheTitles = {
  ID: 'CACHE ID',
  CacheType: 'CACHE TYPE',
  Size: 'SIZE',
  CreatedSince: 'CREATED',
  LastUsedSince: 'LAST USED',
  UsageCount: 'USAGE',
  Shared: 'SHARED',
}

/** Tables of all kinds, or a template over their rows: `{{json .Images}}`. */
export function describeUsage(usage: SystemDataUsage, format: string | undefined): string {
  const plain = format === undefined || format === '' || format === 'table'
  const whole = !plain
  const images = (usage.ImageUsage?.Items ?? []).flatMap(image =>
    imageRows(image, { digests: false, whole }).map(row => ({ ...row, Digest: '' })),
  )
  const containers = (usage.ContainerUsage?.Items ?? []).map(container =>
    // What an image takes is told of the image.
    containerRow({ ...container, SizeRootFs: 0 }, whole, Date.now()),
  )
  const volumes = (usage.VolumeUsage?.Items ?? []).map(volumeRow)
  if (!plain) {
    const value = { Images: images, Containers: containers, Volumes: volumes, BuildCache: [] }
    return compileTemplate(format === 'json' ? '{{json .}}' : format)(value)
  }
  return [
    'Images space usage:\n',
    table({ rows: images, titles: imageTitles, columns: imageColumns, key: 'ID' }),
    'Containers space usage:\n',
    table({ rows: containers, titles: containerTitles, columns: containerColumns, key: 'ID' }),
    'Local Volumes space usage:\n',
    table({ rows: volumes, titles: volumeTitles, columns: ['Name', 'Links', 'Size'], key: 'Name' }),
    'Build cache usage: 0B\n',
    table({ rows: [], titles: cacheTitles, columns: Object.keys(cacheTitles), key: 'ID' }),
  ].join('\n')
}

const table = (listing: Listing) => formatListing(listing, undefined, false)
