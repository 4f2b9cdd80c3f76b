// A volume as a line of `volume ls` and `system df -v`.

import type { Volume } from '../../api/types/volume.ts'
import { type Row, joinLabels } from './listing.ts'
import { humanSize } from './units.ts'

export const volumeTitles = {
  Availability: 'AVAILABILITY',
  Driver: 'DRIVER',
  Group: 'GROUP',
  Labels: 'LABELS',
  Links: 'LINKS',
  Mountpoint: 'MOUNTPOINT',
  Name: 'VOLUME NAME',
  Scope: 'SCOPE',
  Size: 'SIZE',
  Status: 'STATUS',
}

/** Its fields as templates name them. Groups, availability and status are those of clusters. */
export function volumeRow(volume: Volume): Row {
  const { UsageData: usage } = volume
  return {
    Availability: 'N/A',
    Driver: volume.Driver,
    Group: 'N/A',
    Labels: joinLabels(volume.Labels),
    Links: usage ? String(usage.RefCount) : 'N/A',
    Mountpoint: volume.Mountpoint,
    Name: volume.Name,
    Scope: volume.Scope,
    Size: usage ? humanSize(usage.Size, 4) : 'N/A',
    Status: 'N/A',
  }
}
