// The container that a runtime is tried with: everything a default container has, and limits, but one file and no network.

import type { RuntimeSpec } from '../oci/runtime-spec.ts'
import { defaultDeviceRules } from './devices.ts'
import type { HostFacts } from './host.ts'
import { buildSpec } from './spec.ts'

/** What the container does. */
export interface ProbeTask {
  rootfsPath: string
  cgroupsPath: string
  host: HostFacts
  /** A directory to mount with `rro`; the container fails unless that made it read-only. */
  recursiveReadonly?: string
}

/** Runs `/init` in the root file system with the default profile, as far as the host can apply it, and limits. */
export function probeSpec({ recursiveReadonly: source, ...task }: ProbeTask): RuntimeSpec {
  const destination = '/rro'
  return buildSpec({
    users: undefined,
    ...task,
    config: { Hostname: 'probe' },
    hostConfig: {
      Memory: 64 * 1024 * 1024,
      PidsLimit: 16,
      NanoCpus: 500_000_000,
      ...(!task.host.seccomp && { SecurityOpt: ['seccomp=unconfined'] }),
    },
    args: ['/init', ...(source === undefined ? ['--version'] : ['--is-readonly', destination])],
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/' },
    namespaces: {},
    mounts: source === undefined ? [] : [{ destination, type: 'bind', source, options: ['rbind', 'rro', 'rprivate'] }],
    shm: { kind: 'own' },
    devices: { devices: [], rules: [...defaultDeviceRules] },
    blockIo: {},
    // The profile may not be loaded yet.
    host: { ...task.host, apparmor: false },
    defaults: {
      ulimits: [],
      initPath: '',
      init: false,
      noNewPrivileges: false,
      seccompProfile: '',
      apparmorProfile: '',
    },
  })
}
