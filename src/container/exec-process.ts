// The OCI process of an exec: the container's own settings with what the request changes.

import { constants } from 'node:fs'
import type { ExecCreateRequest } from '../api/types/exec.ts'
import { openPath } from '../kernel/descriptor.ts'
import type { Process } from '../oci/runtime-spec.ts'
import { chooseCapabilities } from '../runtime/capabilities.ts'
import { environmentOf } from '../runtime/environment.ts'
import { parseSecurityOptions } from '../runtime/security.ts'
import { capabilitySets } from '../runtime/spec.ts'
import { rlimitsOf } from '../runtime/resources.ts'
import { resolveUser } from '../runtime/user.ts'
import type { Engine } from './engine.ts'
import type { Container, TerminalSize } from './model.ts'

/** Builds process.json. Throws dockerd's errors for a user that isn't there. */
export function processFor(
  engine: Pick<Engine, 'settings' | 'host'>,
  container: Container,
  request: ExecCreateRequest,
  size: TerminalSize | undefined,
): Process {
  const { config, hostConfig } = container.definition
  using root = openPath(`/proc/${container.state.pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY)
  const user = resolveUser(root, request.User || config.User, hostConfig.GroupAdd ?? [])
  const privileged = hostConfig.Privileged || request.Privileged
  const capabilities = chooseCapabilities({ ...hostConfig, Privileged: privileged }, engine.host.capabilities)
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? [], engine.settings.noNewPrivileges)
  return {
    ...(request.Tty && { terminal: true }),
    ...(size && { consoleSize: { height: size.rows, width: size.columns } }),
    user: { uid: user.uid, gid: user.gid, additionalGids: [...user.additionalGids] },
    args: request.Cmd ?? [],
    env: environmentOf(
      { ...config, Tty: request.Tty, Env: [...(config.Env ?? []), ...(request.Env ?? [])] },
      user.home,
    ),
    cwd: request.WorkingDir || config.WorkingDir || '/',
    capabilities: capabilitySets(capabilities, user.uid),
    rlimits: rlimitsOf(hostConfig.Ulimits ?? [], engine.settings.ulimits),
    ...(security.noNewPrivileges && { noNewPrivileges: true }),
    // Not the daemon's own, which the shim has inherited.
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
  }
}
