// Requests for devices that a driver provides: those by CDI, which is the only driver there is.

import type { HostConfig } from '../api/types/container.ts'
import { invalid } from '../lib/errors.ts'
import { isQualifiedName } from '../runtime/cdi/document.ts'
import type { ContainerSettings } from './engine.ts'

/** Throws dockerd's error for a request that no driver takes. Whether the devices exist shows at the start. */
export function checkDeviceRequests({ cdiSpecDirs }: Pick<ContainerSettings, 'cdiSpecDirs'>, asked: HostConfig): void {
  for (const { Driver, Capabilities, DeviceIDs } of asked.DeviceRequests ?? []) {
    if (Driver !== 'cdi' || cdiSpecDirs.length === 0) {
      const capabilities = (Capabilities ?? []).map(all => `[${(all ?? []).join(' ')}]`).join(' ')
      throw invalid(`could not select device driver ${JSON.stringify(Driver)} with capabilities: [${capabilities}]`)
    }
    const wrong = (DeviceIDs ?? []).find(name => !isQualifiedName(name))
    if (wrong !== undefined) {
      throw invalid(`invalid CDI device name ${JSON.stringify(wrong)}: it has to be of the form vendor.com/class=name`)
    }
  }
}

/** The full names of the CDI devices that a container asks for. */
export function cdiDevices({ DeviceRequests }: HostConfig): string[] {
  return (DeviceRequests ?? []).filter(({ Driver }) => Driver === 'cdi').flatMap(({ DeviceIDs }) => DeviceIDs ?? [])
}
