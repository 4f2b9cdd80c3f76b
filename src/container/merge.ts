// The image's defaults under the request's configuration, as `docker run` documents it.

import type { ImageConfig } from '../oci/image-config.ts'
import type { ContainerConfig, Healthcheck } from '../api/types/container.ts'
import { invalid } from '../lib/errors.ts'
import { withProbeLabel } from './health/labels.ts'

/** The settings an image gives its containers. */
export type ImageDefaults = NonNullable<ImageConfig['config']>

/** A container's configuration: what the request says, and the image's word where it says nothing. Throws invalid for bad labels. */
export function mergeConfig(asked: ContainerConfig, image: ImageDefaults): ContainerConfig {
  const config = mergeDefaults(asked, image)
  return { ...config, Healthcheck: withProbeLabel(config, asked) }
}

function mergeDefaults(asked: ContainerConfig, image: ImageDefaults): ContainerConfig {
  return {
    ...asked,
    ...mergeCommand(asked, image),
    User: asked.User || (image.User ?? ''),
    WorkingDir: asked.WorkingDir || (image.WorkingDir ?? ''),
    Env: mergeEnv(asked.Env ?? [], image.Env ?? []),
    Labels: { ...image.Labels, ...asked.Labels },
    ExposedPorts: union(image.ExposedPorts, asked.ExposedPorts),
    Volumes: union(image.Volumes, asked.Volumes) ?? null,
    StopSignal: asked.StopSignal || image.StopSignal,
    Healthcheck: mergeHealthcheck(asked.Healthcheck, image.Healthcheck as Healthcheck | undefined),
    OnBuild: asked.OnBuild ?? copy(image.OnBuild),
    Shell: asked.Shell ?? copy(image.Shell) ?? undefined,
  }
}

// An entrypoint of one empty string is how clients take away the image's.
function mergeCommand(asked: ContainerConfig, image: ImageDefaults): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> {
  const cleared = asked.Entrypoint?.length === 1 && asked.Entrypoint[0] === ''
  if ((asked.Entrypoint?.length ?? 0) > 0) return { Entrypoint: cleared ? null : asked.Entrypoint, Cmd: asked.Cmd }
  const own = (asked.Cmd?.length ?? 0) > 0
  return {
    Entrypoint: asked.Entrypoint ?? copy(image.Entrypoint),
    Cmd: own ? asked.Cmd : (copy(image.Cmd) ?? asked.Cmd),
  }
}

const copy = (words: readonly string[] | null | undefined): string[] | null => (words ? [...words] : null)

const keyOf = (assignment: string) => assignment.split('=', 1)[0]

function mergeEnv(asked: readonly string[], image: readonly string[]): string[] {
  const keys = new Set(asked.map(keyOf))
  return [...asked, ...image.filter(assignment => !keys.has(keyOf(assignment)))]
}

type Names = Readonly<Record<string, object>> | null | undefined

function union(image: Names, asked: Names): Record<string, Record<string, never>> | undefined {
  const names = [...Object.keys(image ?? {}), ...Object.keys(asked ?? {})]
  return names.length > 0 ? Object.fromEntries(names.map(name => [name, {}])) : undefined
}

function mergeHealthcheck(asked: Healthcheck | undefined, image: Healthcheck | undefined): Healthcheck | undefined {
  if (!asked || !image) return asked ?? image
  return {
    Test: asked.Test?.length ? asked.Test : image.Test,
    Interval: asked.Interval || image.Interval,
    Timeout: asked.Timeout || image.Timeout,
    StartPeriod: asked.StartPeriod || image.StartPeriod,
    StartInterval: asked.StartInterval || image.StartInterval,
    Retries: asked.Retries || image.Retries,
  }
}

/** Entrypoint and command as one vector. Throws dockerd's error if both are empty. */
export function argumentsOf(config: ContainerConfig): string[] {
  const argv = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])]
  if (argv.length === 0) throw invalid('no command specified')
  return argv
}
