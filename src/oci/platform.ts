// Platforms as images name them, `os/architecture[/variant]`, and which of them a host runs.

import { invalid } from '../lib/errors.ts'
import type { Platform } from './manifest.ts'

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }
const aliases: Readonly<Record<string, readonly [architecture: string, variant?: string]>> = {
  x86_64: ['amd64'],
  'x86-64': ['amd64'],
  aarch64: ['arm64'],
  armhf: ['arm', 'v7'],
  armel: ['arm', 'v6'],
  i386: ['386'],
}

/** What this machine runs. */
export const hostPlatform: Platform = { os: 'linux', architecture: architectures[process.arch] ?? process.arch }

/** Reads `os/architecture/variant`; one part alone is an operating system or an architecture. Throws `invalid`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split('/')
  if (parts.length > 3 || parts.some(part => !/^[a-z0-9_-]+$/.test(part))) {
    throw invalid(`${JSON.stringify(text)} is an invalid component of a platform`)
  }
  const [first = '', second, variant] = parts
  if (second !== undefined) return normalize(first, second, variant)
  const isOs = ['linux', 'windows', 'darwin', 'freebsd'].includes(first)
  return isOs ? { ...hostPlatform, os: first } : normalize(hostPlatform.os, first, undefined)
}

function normalize(os: string, name: string, given: string | undefined): Platform {
  const [architecture = name, implied] = aliases[name] ?? []
  const variant = given ?? implied
  // Every arm64 is v8, and amd64 v1, so saying so means nothing.
  const isDefault = (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1')
  return variant === undefined || isDefault ? { os, architecture } : { os, architecture, variant }
}

/** True if something made for `offered` is what `wanted` asks for; without a variant any will do. */
export function matchesPlatform(offered: Platform, wanted: Platform): boolean {
  const a = normalize(offered.os, offered.architecture, offered.variant)
  const b = normalize(wanted.os, wanted.architecture, wanted.variant)
  return a.os === b.os && a.architecture === b.architecture && (b.variant === undefined || a.variant === b.variant)
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter(Boolean).join('/')
