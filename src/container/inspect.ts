// GET /containers/{id}/json.

import type { ContainerInspect, ContainerState } from '../api/types/container.ts'
import type { Engine } from './engine.ts'
import { graphDriver } from './graph-driver.ts'
import type { Container } from './model.ts'
import { networkSettings } from './network-settings.ts'
import { containerPaths } from './paths.ts'
import { mountPoints } from './volumes.ts'

/** Everything about a container, in the newest API's shape. */
export function inspect(
  engine: Pick<Engine, 'settings' | 'layers' | 'networks' | 'volumes'>,
  container: Container,
): ContainerInspect {
  const { definition, state } = container
  const paths = containerPaths(engine.settings, container.id)
  const started = state.startedAt !== '' && container.state.phase !== 'created'
  const [path = '', ...args] = definition.argv
  return {
    Id: container.id,
    Created: definition.created,
    Path: path,
    Args: args,
    State: inspectState(container),
    Image: definition.imageId,
    ResolvConfPath: started ? paths.resolvConf : '',
    HostnamePath: started ? paths.hostname : '',
    HostsPath: started ? paths.hosts : '',
    LogPath: started && definition.hostConfig.LogConfig.Type === 'json-file' ? paths.log : '',
    Name: `/${container.name}`,
    RestartCount: state.restartCount,
    Driver: 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: execIds(container),
    HostConfig: definition.hostConfig,
    GraphDriver: graphDriver(engine, container),
    Mounts: mountPoints(engine, container),
    Config: definition.config,
    NetworkSettings: networkSettings(engine, container),
  }
}

// Those that may still run: an ended one is kept only to be asked for its exit code.
function execIds({ execs }: Container): string[] | null {
  const ids = [...execs.values()].filter(({ phase }) => phase !== 'ended').map(({ id }) => id)
  return ids.length > 0 ? ids : null
}

/** The state as inspect tells it. */
export function inspectState(container: Container): ContainerState {
  const { state } = container
  return {
    Status: state.phase,
    Running: container.isActive,
    Paused: state.phase === 'paused',
    Restarting: state.phase === 'restarting',
    OOMKilled: state.oomKilled,
    Dead: state.phase === 'dead',
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    ...(state.health && { Health: state.health }),
  }
}
