// A spec with little in it, for the tests of this folder to change one thing at a time.

import { readDeviceAccess } from './devices.ts'
import { type HostFacts, readHostFacts } from './host.ts'
import type { IsolationRequest, ProcessRequest } from './request.ts'
import { readBlockIo } from './resources.ts'
import { type SpecDefaults, type SpecInput, buildSpec } from './spec.ts'

/** A daemon that was configured with nothing. */
export const specDefaults: SpecDefaults = {
  ulimits: [],
  initPath: '/usr/libexec/gantry-init',
  init: false,
  noNewPrivileges: false,
  seccompProfile: '',
  apparmorProfile: 'gantry-default',
}

/** This host with every feature but AppArmor, and two CPUs that tell their temperature. */
export const host: HostFacts = {
  ...readHostFacts(),
  seccomp: true,
  apparmor: false,
  throttledCpus: [0, 1],
  sysctls: new Set(['net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start']),
}

/** What differs from the plainest container. */
export interface Change {
  config?: ProcessRequest
  hostConfig?: IsolationRequest
  input?: Partial<SpecInput>
}

/** Builds the spec of a container with `change`. */
export function specOf({ config = {}, hostConfig = {}, input = {} }: Change = {}) {
  return buildSpec({
    users: undefined,
    rootfsPath: '/run/gantry/containers/x/rootfs',
    config: { Hostname: '0123456789ab', ...config },
    hostConfig,
    args: ['sh'],
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    cgroupsPath: '/gantry/x',
    namespaces: {},
    mounts: [],
    shm: { kind: 'own' },
    devices: readDeviceAccess(hostConfig),
    blockIo: readBlockIo(hostConfig),
    host,
    defaults: specDefaults,
    ...input,
  })
}
