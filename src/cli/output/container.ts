// A container as a line of `ps` and `system df -v`.

import type { ContainerSummary } from '../../api/types/container.ts'
import { shortId } from '../../lib/ids.ts'
import { type Row, goTime, joinLabels } from './listing.ts'
import { displayPorts } from './ports.ts'
import { ellipsis, humanAge, humanSize } from './units.ts'

/** Titles of a container's fields. */
export const containerTitles = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  RunningFor: 'CREATED',
  CreatedAt: 'CREATED AT',
  Status: 'STATUS',
  State: 'STATE',
  Ports: 'PORTS',
  Names: 'NAMES',
  Size: 'SIZE',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  LocalVolumes: 'LOCAL VOLUMES',
  Networks: 'NETWORKS',
  Platform: 'PLATFORM',
}

/** A container's line, with its fields as templates name them. */
export function containerRow(container: ContainerSummary, whole: boolean, now: number): Row {
  const mounts = container.Mounts ?? []
  return {
    Command: JSON.stringify(whole ? container.Command : ellipsis(container.Command, 20)),
    // Names of time zones are slow to come by: 10 ms.
    get CreatedAt() {
      return goTime(container.Created)
    },
    ID: whole ? container.Id : shortId(container.Id),
    Image: imageOf(container, whole),
    Labels: joinLabels(container.Labels),
    LocalVolumes: String(mounts.filter(mount => mount.Driver === 'local').length),
    Mounts: mounts.map(mount => ellipsisUnless(whole, mount.Name || mount.Source)).join(','),
    Names: namesOf(container, whole).join(','),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
    Platform: null,
    Ports: displayPorts(container.Ports ?? []),
    RunningFor: humanAge(container.Created * 1000, now),
    Size: sizeOf(container),
    State: container.State,
    Status: container.Status,
  }
}

const ellipsisUnless = (whole: boolean, text: string) => (whole ? text : ellipsis(text, 15))

function imageOf({ Image: image, ImageID: id }: ContainerSummary, whole: boolean): string {
  if (image === '') return '<no image>'
  return !whole && (image === id || /^sha256:[0-9a-f]{64}$/.test(image)) ? shortId(image) : image
}

// Links to other containers' names are not this one's own, and have a second slash.
function namesOf({ Names: names }: ContainerSummary, whole: boolean): string[] {
  const own = (names ?? []).map(name => name.replace(/^\//, ''))
  return whole ? own : own.filter(name => !name.includes('/'))
}

function sizeOf({ SizeRw: own = 0, SizeRootFs: total = 0 }: ContainerSummary): string {
  return total > 0 ? `${humanSize(own)} (virtual ${humanSize(total)})` : humanSize(own)
}
