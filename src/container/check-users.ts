// What a container with a user namespace can't have: anything that only the host's root may use.

import type { HostConfig } from '../api/types/container.ts'
import { invalid } from '../lib/errors.ts'
import type { ContainerSettings } from './engine.ts'

/** True if the container is not in the host's user namespace. */
export const hasUserNamespace = (
  { remap }: Pick<ContainerSettings, 'remap'>,
  { UsernsMode }: Pick<HostConfig, 'UsernsMode'>,
): boolean => UsernsMode === 'private' || (UsernsMode !== 'host' && remap !== undefined)

/** Throws dockerd's errors for a request that needs the host's user namespace. */
export function checkUserNamespace(settings: Pick<ContainerSettings, 'remap'>, asked: HostConfig): void {
  if (!hasUserNamespace(settings, asked)) return
  if (asked.Privileged) {
    throw invalid(
      'privileged mode is incompatible with user namespaces.  You must run the container in the host namespace when running privileged mode',
    )
  }
  if (asked.NetworkMode === 'host') {
    throw invalid("cannot share the host's network namespace when user namespaces are enabled")
  }
  if (asked.PidMode === 'host') {
    throw invalid('cannot share the host PID namespace when user namespaces are enabled')
  }
}
