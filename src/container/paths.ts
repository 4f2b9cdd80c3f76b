// Where a container's files are: what lasts in the data root, what lives as long as it runs in the exec root.

import { join } from 'node:path'
import type { ContainerSettings } from './engine.ts'

type Roots = Pick<ContainerSettings, 'dataRoot' | 'execRoot'>

/** The files of container `id`; see each directory's README line in ARCHITECTURE.md. */
export function containerPaths(roots: Roots, id: string) {
  const data = join(roots.dataRoot, 'containers', id)
  const run = join(roots.execRoot, 'containers', id)
  return {
    data,
    upper: join(data, 'upper'),
    work: join(data, 'work'),
    log: join(data, `${id}-json.log`),
    /** Of drivers other than json-file. */
    ownLog: join(data, 'local-logs', 'container.log'),
    /** How far it has been sent away. */
    logPosition: join(data, 'log-position'),
    checkpoints: join(data, 'checkpoints'),
    hostname: join(data, 'hostname'),
    hosts: join(data, 'hosts'),
    resolvConf: join(data, 'resolv.conf'),
    exitRecord: join(data, 'exit'),
    /** The bundle: config.json, rootfs, shim.sock. */
    run,
    rootfs: join(run, 'rootfs'),
    networkNamespace: join(run, 'netns'),
    execs: join(run, 'exec'),
  }
}
