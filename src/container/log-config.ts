// A container's log driver: what was asked, checked, and what its shim is told.

import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { messageOf } from '../lib/errors.ts'
import { attributesOf } from '../logging/attributes.ts'
import { checkLogConfig, fileAttributes, isCompressed, isReadable, limitsOf } from '../logging/drivers.ts'
import { sinkOf } from '../logging/forwarders.ts'
import type { Sink } from '../logging/sink.ts'
import type { LogSubject } from '../logging/subject.ts'
import { defaultTag, tagOf } from '../logging/tag.ts'
import type { ShimLog } from '../runtime/shim.ts'
import type { ContainerSettings, Engine } from './engine.ts'
import type { Container, Definition } from './model.ts'
import { containerPaths } from './paths.ts'

/** Throws dockerd's errors for a log driver, options or a tag that can't be used. */
export function checkLogging(name: string, definition: Definition): void {
  const { Type: driver, Config: options } = definition.hostConfig.LogConfig
  checkLogConfig(driver, options ?? {})
  if (driver === 'none' || driver === 'local') return
  const subject = subjectOf(name, definition)
  tagOf(options ?? {}, subject, defaultTag)
  attributesOf(options ?? {}, subject)
}

/** The container as its log driver sees it. */
export function subjectOf(name: string, definition: Definition): LogSubject {
  const { id, imageId, config, argv, created } = definition
  return {
    id,
    name,
    imageId,
    imageName: config.Image,
    argv,
    created,
    env: config.Env ?? [],
    labels: config.Labels ?? {},
  }
}

/** Where a container's log is: json-file's has the name that log collectors look for, others are the engine's own. */
export function logPath(settings: Pick<ContainerSettings, 'dataRoot' | 'execRoot'>, { id, definition }: Container) {
  const paths = containerPaths(settings, id)
  return definition.hostConfig.LogConfig.Type === 'json-file' ? paths.log : paths.ownLog
}

/** True if the container's log can be read back. */
export function hasReadableLog({ definition }: Container): boolean {
  const { Type: driver, Config: options } = definition.hostConfig.LogConfig
  return isReadable(driver, options ?? {})
}

type Tending = Pick<Engine, 'settings' | 'forwarders' | 'compressors' | 'log'>

/**
 * Looks after the container's log from now on: what was rotated is compressed if that was asked for, and all of it is sent
 * to its collector if its driver has one.
 */
export function tendLog(engine: Tending, container: Container): void {
  const path = logPath(engine.settings, container)
  // It was never started.
  if (!existsSync(dirname(path))) return
  const { Type: driver, Config: options } = container.definition.hostConfig.LogConfig
  if (isCompressed(driver, options ?? {})) engine.compressors.follow(container.id, path, container.isRunning)
  const sink = sinkFor(engine, container)
  if (!sink) return
  const { logPosition: positionPath } = containerPaths(engine.settings, container.id)
  engine.forwarders.follow({ container: container.id, path, positionPath, sink }, container.isRunning)
}

// What create has accepted is good, unless another version of the daemon did: no reason for the container not to run.
function sinkFor(engine: Tending, { id, name, definition }: Container): Sink | undefined {
  const { Type: driver, Config: options } = definition.hostConfig.LogConfig
  try {
    return sinkOf(driver, options ?? {}, subjectOf(name, definition))
  } catch (error) {
    engine.log.error({ container: id, error: messageOf(error) }, 'the output of a container can’t be sent away')
    return undefined
  }
}

/** The log that the container's shim is to write; undefined for none. Makes its directory. */
export function shimLog(settings: ContainerSettings, container: Container): ShimLog | undefined {
  const { Type: driver, Config: options } = container.definition.hostConfig.LogConfig
  if (driver === 'none') return undefined
  const path = logPath(settings, container)
  mkdirSync(dirname(path), { recursive: true, mode: 0o710 })
  const attributes = fileAttributes(driver, options ?? {}, subjectOf(container.name, container.definition))
  const { maxSize, maxFiles } = limitsOf(driver, options ?? {})
  const limits = { ...(maxSize !== undefined && { maxSize }), maxFiles }
  return { path, ...limits, ...(Object.keys(attributes).length > 0 && { attributes }) }
}
