// Requests for devices that a driver provides. All drivers are the Container Device Interface: those of vendors are asked for
// by number or capability, and stand for devices of a kind of theirs.

import type { DeviceRequest, HostConfig } from '../api/types/container.ts'
import { GantryError, invalid } from '../lib/errors.ts'
import { listDevices } from '../runtime/cdi/devices.ts'
import { isQualifiedName } from '../runtime/cdi/document.ts'
import type { ContainerSettings } from './engine.ts'

type Settings = Pick<ContainerSettings, 'cdiSpecDirs'>

interface Vendor {
  readonly driver: string
  /** The kind of CDI device that its devices are. */
  readonly kind: string
  readonly capabilities: ReadonlySet<string>
}

// The first that the host has is the one for requests that name none.
const vendors: readonly Vendor[] = [
  {
    driver: 'nvidia',
    kind: 'nvidia.com/gpu',
    capabilities: new Set(['gpu', 'nvidia', 'compute', 'compat32', 'graphics', 'utility', 'video', 'display']),
  },
  { driver: 'amd', kind: 'amd.com/gpu', capabilities: new Set(['gpu', 'amd']) },
]

/** Throws dockerd's error for a request that no driver takes. Whether the devices exist shows at the start. */
export async function checkDeviceRequests(settings: Settings, asked: HostConfig): Promise<void> {
  for (const name of await requestedDevices(settings, asked)) {
    if (isQualifiedName(name)) continue
    throw invalid(`invalid CDI device name ${JSON.stringify(name)}: it has to be of the form vendor.com/class=name`)
  }
}

/** The full names of the CDI devices that a container asks for. Throws dockerd's error for a request that no driver takes. */
export async function requestedDevices(settings: Settings, { DeviceRequests }: HostConfig): Promise<string[]> {
  const requests = DeviceRequests ?? []
  if (requests.length === 0) return []
  const { names } = requests.some(isVendors) ? await listDevices(settings.cdiSpecDirs) : { names: [] }
  return requests.flatMap(request =>
    isVendors(request) ? namesOfVendor(request, names) : namesByCdi(request, settings.cdiSpecDirs),
  )
}

const isVendors = ({ Driver }: DeviceRequest) => Driver !== 'cdi'

function namesByCdi(request: DeviceRequest, directories: readonly string[]): readonly string[] {
  if (directories.length === 0) throw noDriver(request)
  if (request.Count !== 0) throw invalid('unexpected count in CDI device request')
  if (Object.keys(request.Options ?? {}).length > 0) throw invalid('unexpected options in CDI device request')
  return request.DeviceIDs ?? []
}

function namesOfVendor(request: DeviceRequest, known: readonly string[]): string[] {
  const found = vendors.filter(({ kind }) => known.some(name => name.startsWith(`${kind}=`)))
  const vendor = found.find(each => takes(each, request))
  if (!vendor) throw noDriver(request)
  return idsOf(request).map(id => (id.includes('=') ? id : `${vendor.kind}=${id}`))
}

// One of the sets has to be in what the driver can do as a whole.
function takes({ driver, capabilities }: Vendor, { Driver, Capabilities }: DeviceRequest): boolean {
  if (Driver !== '' && Driver !== driver) return false
  return (Capabilities ?? []).some(all => (all ?? []).every(capability => capabilities.has(capability)))
}

function idsOf({ Count, DeviceIDs }: DeviceRequest): readonly string[] {
  const ids = DeviceIDs ?? []
  if (Count !== 0 && ids.length > 0) throw invalid('cannot set both Count and DeviceIDs on device request')
  if (Count > mostDevices) throw invalid(`a container can't have ${Count} devices, ${mostDevices} at most`)
  if (Count > 0) return Array.from({ length: Count }, (_, index) => String(index))
  return Count < 0 ? ['all'] : ids
}

/** Of one request by number: no host has more. */
const mostDevices = 1024

function noDriver({ Driver, Capabilities }: DeviceRequest): GantryError {
  const capabilities = (Capabilities ?? []).map(all => `[${(all ?? []).join(' ')}]`).join(' ')
  return invalid(`could not select device driver ${JSON.stringify(Driver)} with capabilities: [${capabilities}]`)
}
