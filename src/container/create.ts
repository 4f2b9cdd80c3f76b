// POST /containers/create: checks the request against the image and the host, and keeps what was decided.

import { dirname } from 'node:path'
import type { ContainerConfig, HostConfig } from '../api/types/container.ts'
import type { EndpointSettings } from '../api/types/network.ts'
import { formatTime } from '../lib/clock.ts'
import { invalid } from '../lib/errors.ts'
import { parseSignal } from '../kernel/signals.ts'
import { checkCapabilities } from '../runtime/capabilities.ts'
import { checkModes } from '../runtime/modes.ts'
import { parseSecurityOptions } from '../runtime/security.ts'
import { checkExtraHosts } from '../network/hosts.ts'
import { verifyRanges, verifyResources } from '../runtime/verify.ts'
import { checkUserNamespace } from './check-users.ts'
import { checkHealthcheck } from './check-healthcheck.ts'
import { checkRestartPolicy } from './check-restart-policy.ts'
import { checkDeviceRequests } from './device-requests.ts'
import type { Engine } from './engine.ts'
import { containerEvent } from './events.ts'
import { withDefaults } from './host-config.ts'
import { chooseHostname } from './hostname.ts'
import { holdImages } from './image-hold.ts'
import { checkLogging } from './log-config.ts'
import { argumentsOf, mergeConfig } from './merge.ts'
import { Container, type Definition, freshState } from './model.ts'
import { parseName, randomName } from './names.ts'
import { checkNetwork } from './network-mode.ts'
import { portRequests } from './network.ts'
import { containerPaths } from './paths.ts'
import { chooseImage } from './platform.ts'
import { makeLayer } from './rootfs.ts'
import { storageSize } from './storage/size.ts'
import { createVolumes, planContainerMounts, volumesOf } from './volumes.ts'

/** What a client asks for. */
export interface CreateRequest {
  /** '' for a name of our own. */
  readonly name: string
  /** `os/architecture/variant`; '' for whatever the image is for. */
  readonly platform: string
  readonly config: ContainerConfig
  readonly hostConfig: HostConfig
  readonly endpoints: Readonly<Record<string, EndpointSettings | null>>
}

/** The new container and what the user should know about it. */
export interface Created {
  readonly container: Container
  readonly warnings: string[]
}

/** Creates a container that can be started. Throws dockerd's errors; nothing is left of a request that failed. */
export async function create(engine: Engine, request: CreateRequest): Promise<Created> {
  const name = chooseName(engine, request.name)
  const { image, warnings: platformWarnings } = chooseImage(engine.images, request.config.Image, request.platform)
  const config = mergeConfig(request.config, image.config.config ?? {})
  const { hostConfig, warnings } = checkedHostConfig(engine, request.hostConfig)
  const size = storageSize(hostConfig.StorageOpt, {
    otherwise: engine.settings.storageSize,
    projects: engine.projects,
  })
  await checkDeviceRequests(engine.settings, hostConfig)
  const id = engine.ids.next()
  const definition: Definition = {
    id,
    created: formatTime(engine.clock.now()),
    imageId: image.id,
    topLayer: image.topLayer,
    platform: image.config.os ?? 'linux',
    config: { ...config, Hostname: chooseHostname(engine, config, hostConfig, id), Image: request.config.Image },
    hostConfig,
    endpoints: checkNetwork(engine, request),
    mounts: planContainerMounts(engine, config, hostConfig),
    anonymousVolumes: [],
    argv: argumentsOf(config),
  }
  checkConfig(definition)
  checkLogging(name, definition)
  using imageHold = holdImages(engine, definition)
  await using undo = new AsyncDisposableStack()
  const container = new Container(name, definition, freshState())
  // Its root file system is mounted to fill volumes, and what is limited is made at once: so its project is seen to be in use.
  undo.defer(() => engine.removeTree(dirname(containerPaths(engine.settings, id).data), id))
  limitStorage(engine, container, size, undo)
  container.definition = { ...container.definition, ...(await createVolumes(engine, container, undo)) }
  portRequests(container)
  engine.containers.add(container, () => {
    imageHold.check()
    engine.volumes.keep(volumesOf(container))
    engine.images.used(image.id)
  })
  undo.move()
  containerEvent(engine, container, 'create')
  return { container, warnings: [...platformWarnings, ...warnings] }
}

function chooseName(engine: Pick<Engine, 'containers'>, asked: string): string {
  if (asked === '') return randomName(name => engine.containers.isNameTaken(name))
  const name = parseName(asked)
  engine.containers.checkNameFree(name)
  return name
}

function limitStorage(engine: Engine, container: Container, bytes: number, undo: AsyncDisposableStack) {
  if (bytes === 0) return
  const storage = engine.projects.allocate(bytes)
  undo.defer(() => engine.projects.free(storage))
  container.definition = { ...container.definition, storage }
  makeLayer(containerPaths(engine.settings, container.id), storage)
}

function checkedHostConfig(engine: Engine, asked: HostConfig) {
  checkModes(asked)
  checkUserNamespace(engine.settings, asked)
  verifyRanges(asked)
  checkRestartPolicy(asked.RestartPolicy)
  checkCapabilities(asked, engine.host.capabilities)
  parseSecurityOptions(asked.SecurityOpt ?? [], engine.settings.noNewPrivileges)
  engine.runtimes.get(asked.Runtime ?? '')
  const { request, warnings } = verifyResources(asked, engine.cgroups.limitSupport())
  return { hostConfig: withDefaults(engine, request), warnings: [...warnings, ...portWarnings(asked)] }
}

function portWarnings({ NetworkMode, PortBindings }: HostConfig): string[] {
  if (NetworkMode !== 'host' || Object.keys(PortBindings ?? {}).length === 0) return []
  return ['Published ports are discarded when using host network mode']
}

function checkConfig({ config, hostConfig }: Definition) {
  if (config.WorkingDir !== '' && !config.WorkingDir.startsWith('/')) {
    throw invalid(`the working directory '${config.WorkingDir}' is invalid, it needs to be an absolute path`)
  }
  for (const assignment of config.Env ?? []) {
    if (assignment.startsWith('=') || assignment === '') throw invalid(`invalid environment variable: ${assignment}`)
    if (assignment.includes('\0')) throw invalid('invalid environment variable: it contains a NUL byte')
  }
  if (config.StopSignal) parseSignal(config.StopSignal)
  checkHealthcheck(config)
  checkExtraHosts(hostConfig.ExtraHosts ?? [])
  if (hostConfig.AutoRemove && hostConfig.RestartPolicy.Name !== 'no')
    throw invalid("can't create 'AutoRemove' container with restart policy")
  checkIsolation(hostConfig.Isolation)
}

function checkIsolation(isolation: string) {
  if (isolation === '' || isolation === 'default') return
  throw invalid(`invalid isolation (${isolation}): linux only supports 'default'`)
}
