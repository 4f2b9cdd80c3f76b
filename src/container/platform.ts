// Whether an image is one for the platform that a container was asked for, or for this host at all.

import { notFound } from '../lib/errors.ts'
import type { Platform } from '../oci/manifest.ts'
import { formatPlatform, hostPlatform, matchesPlatform, parsePlatform } from '../oci/platform.ts'

/** What an image's configuration says; nothing, in old ones. */
interface Offered {
  readonly os?: string
  readonly architecture?: string
  readonly variant?: string
}

/**
 * Checks the image called `name` against `asked`, '' for no matter; returns what the user should know. Throws dockerd's
 * notFound for another platform than the one asked for, so that clients pull the right one; invalid for none at all.
 */
export function checkPlatform(name: string, offered: Offered, asked: string): string[] {
  const { os = hostPlatform.os, architecture = hostPlatform.architecture, variant } = offered
  const actual: Platform = { os, architecture, ...(variant && { variant }) }
  if (asked === '') return runsHere(actual) ? [] : [foreign(actual)]
  const wanted = parsePlatform(asked)
  if (matchesPlatform(actual, wanted)) return []
  throw notFound(
    `image with reference ${name} was found but does not match the specified platform: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(actual)}`,
  )
}

const foreign = (actual: Platform) =>
  `The requested image's platform (${formatPlatform(actual)}) does not match the detected host platform (${formatPlatform(hostPlatform)}) and no specific platform was requested`

/** Architectures whose programs the processor runs as well. */
const alsoRun: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' }

function runsHere({ os, architecture }: Platform): boolean {
  const host = hostPlatform.architecture
  return os === hostPlatform.os && [host, alsoRun[host]].includes(architecture)
}
