// Mounts as clients ask for them, `-v` strings and `--mount` objects, parsed and checked as dockerd does.

import { statSync } from 'node:fs'
import { posix } from 'node:path'
import { type GantryError, invalid, messageOf } from '../lib/errors.ts'
import { cleanPath, isLocal } from '../lib/paths.ts'
import type { Digest } from '../oci/digest.ts'
import { parseMode } from './mount-mode.ts'
import { type TmpfsRequest, tmpfsData, tmpfsOptions } from './tmpfs.ts'

/** A mount in the Engine API's HostConfig.Mounts. */
export interface MountRequest {
  Type?: string
  Source?: string
  Target?: string
  ReadOnly?: boolean
  BindOptions?: {
    Propagation?: string
    NonRecursive?: boolean
    CreateMountpoint?: boolean
    ReadOnlyNonRecursive?: boolean
    ReadOnlyForceRecursive?: boolean
  }
  VolumeOptions?: {
    NoCopy?: boolean
    Labels?: Record<string, string> | null
    Subpath?: string
    DriverConfig?: { Name?: string; Options?: Record<string, string> | null }
  }
  ImageOptions?: { Subpath?: string }
  TmpfsOptions?: TmpfsRequest
  ClusterOptions?: object
}

/** How deep a read-only bind mount is read-only: where the runtime can, always, or only its top. */
export type ReadonlyDepth = 'preferRecursive' | 'forceRecursive' | 'topOnly'

/** A mount that was asked for. It is kept with the container, so it is plain data. */
export interface PlannedMount {
  type: 'bind' | 'volume' | 'tmpfs' | 'image'
  /** Clean and absolute, in the container. */
  destination: string
  /** Of a bind: clean and absolute, on the host. Of an image: its name, as it was given. */
  source: string
  /** Of a volume; empty until an anonymous one has been created. */
  name: string
  driver: string
  rw: boolean
  /** The options of `-v`, as inspect shows them. */
  mode: string
  /** Empty for what isn't a bind mount. */
  propagation: string
  /** The propagation is the engine's choice and may fall back to a private one. */
  propagationIsDefault: boolean
  /** A volume that is empty starts with the image's content. */
  copy: boolean
  /** A missing bind source is made. */
  createSource: boolean
  nonRecursive: boolean
  readonlyDepth: ReadonlyDepth
  volume: { labels: Record<string, string>; options: Record<string, string> }
  /** Of a volume or an image: what of it is mounted, relative to its root; empty for all. */
  subpath: string
  /** Of an image, once its name has been looked up. */
  image?: MountedImage
  /** Options of a tmpfs, comma-separated. */
  data: string
  /** Asked for by `--tmpfs`, which inspect doesn't list as a mount. */
  hidden: boolean
}

/** The image that is mounted, whatever its name comes to mean. */
export interface MountedImage {
  readonly id: Digest
  /** ChainID of its uppermost layer; none for an image without layers. */
  readonly topLayer: Digest | undefined
}

const nothing: Omit<PlannedMount, 'type' | 'destination'> = {
  source: '',
  name: '',
  driver: '',
  rw: true,
  mode: '',
  propagation: '',
  propagationIsDefault: false,
  copy: false,
  createSource: false,
  nonRecursive: false,
  readonlyDepth: 'preferRecursive',
  volume: { labels: {}, options: {} },
  subpath: '',
  data: '',
  hidden: false,
}

/** Parses `-v`: `destination`, `source:destination` or `source:destination:options`. A relative source is a volume. */
export function parseBind(raw: string, volumeDriver: string): PlannedMount {
  const invalidSpec = `invalid volume specification: '${raw}'`
  const parts = raw.split(':')
  const [first = '', second, third] = parts
  if (first === '' || parts.length > 3) throw invalid(invalidSpec)
  if (parts.length === 2 && parseMode(second ?? '')) throw invalid(invalidSpec)
  const modeText = third ?? ''
  const mode = parseMode(modeText)
  if (!mode) throw invalid(`invalid mode: ${modeText}`)
  const source = second === undefined ? '' : first
  const isBind = posix.isAbsolute(source)
  const request: MountRequest = {
    Type: isBind ? 'bind' : 'volume',
    Source: source,
    Target: second ?? first,
    ReadOnly: mode.readonly,
    ...(mode.propagation && { BindOptions: { Propagation: mode.propagation } }),
    ...(mode.noCopy && { VolumeOptions: { NoCopy: true } }),
  }
  if (!isBind && volumeDriver)
    request.VolumeOptions = { ...request.VolumeOptions, DriverConfig: { Name: volumeDriver } }
  try {
    return { ...planMount(request), mode: modeText || (isBind ? '' : 'z'), createSource: isBind }
  } catch (error) {
    throw invalid(`${invalidSpec}: ${messageOf(error)}`, { cause: error })
  }
}

/** Parses an object of `--mount`. Unlike `-v`, the source of a bind must exist or be asked to be made. */
export function parseMount(request: MountRequest): PlannedMount {
  const plan = planMount(request)
  const create = request.BindOptions?.CreateMountpoint ?? false
  if (plan.type === 'bind' && !create && !statSync(plan.source, { throwIfNoEntry: false })) {
    throw configError(request, `bind source path does not exist: ${request.Source}`)
  }
  return { ...plan, mode: plan.type === 'volume' ? 'z' : '', createSource: create }
}

/** Parses `--tmpfs PATH:options`. */
export function parseTmpfs(destination: string, data: string): PlannedMount {
  checkDestination(destination, invalid)
  tmpfsOptions(data)
  return { ...nothing, type: 'tmpfs', destination: cleanPath(destination), data, hidden: true }
}

/** The anonymous volume of an image's VOLUME or of `-v destination`. */
export function anonymousVolume(destination: string): PlannedMount {
  const clean = cleanPath(`/${destination}`)
  checkDestination(clean, invalid)
  return { ...nothing, type: 'volume', destination: clean, copy: true }
}

function planMount(request: MountRequest): PlannedMount {
  const fail = (why: string) => configError(request, why)
  checkOptions(request, fail)
  if (!request.Target) throw fail('field Target must not be empty')
  checkDestination(request.Target, fail)
  const base = { ...nothing, destination: cleanPath(request.Target), rw: !request.ReadOnly }
  switch (request.Type) {
    case 'bind':
      return { ...base, type: 'bind', ...bindPlan(request, fail) }
    case 'volume':
      return { ...base, type: 'volume', ...volumePlan(request, fail) }
    case 'tmpfs':
      return { ...base, type: 'tmpfs', data: tmpfsPlan(request, fail) }
    case 'image':
      return { ...base, type: 'image', ...imagePlan(request, fail) }
    default:
      throw fail('mount type unknown')
  }
}

type Fail = (why: string) => GantryError

const configError = (request: MountRequest, why: string) =>
  invalid(`invalid mount config for type ${JSON.stringify(request.Type ?? '')}: ${why}`)

function checkOptions(request: MountRequest, fail: Fail) {
  const owners = {
    BindOptions: 'bind',
    VolumeOptions: 'volume',
    ImageOptions: 'image',
    TmpfsOptions: 'tmpfs',
    ClusterOptions: 'cluster',
  } as const
  for (const [field, type] of Object.entries(owners)) {
    if (request.Type !== type && request[field as keyof typeof owners])
      throw fail(`field ${field} must not be specified`)
  }
}

function checkDestination(destination: string, fail: Fail) {
  if (cleanPath(destination) === '/') throw fail("invalid specification: destination can't be '/'")
  checkAbsolute(destination, fail)
}

function checkAbsolute(path: string, fail: Fail) {
  if (!posix.isAbsolute(path)) throw fail(`invalid mount path: '${path}' mount path must be absolute`)
  if (path.includes('\0')) throw fail('invalid mount path: it contains a NUL character')
  if (path.split('/').some(name => Buffer.byteLength(name) > longestName) || Buffer.byteLength(path) > longestPath)
    throw fail('invalid mount path: file name too long')
}

// In bytes: NAME_MAX, and PATH_MAX without its NUL. path_resolution(7).
const longestName = 255
const longestPath = 4095

const propagations = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']

function bindPlan(request: MountRequest, fail: Fail) {
  const options = request.BindOptions ?? {}
  if (!request.Source) throw fail('field Source must not be empty')
  if (options.Propagation && !propagations.includes(options.Propagation)) {
    throw fail(`invalid propagation mode: ${options.Propagation}`)
  }
  checkAbsolute(request.Source, fail)
  return {
    source: cleanPath(request.Source),
    propagation: options.Propagation || 'rprivate',
    propagationIsDefault: !options.Propagation,
    nonRecursive: options.NonRecursive ?? false,
    readonlyDepth: readonlyDepth(request),
  }
}

function readonlyDepth({ ReadOnly, BindOptions = {} }: MountRequest): ReadonlyDepth {
  const { ReadOnlyNonRecursive: top, ReadOnlyForceRecursive: force } = BindOptions
  if (!ReadOnly && top) throw invalid('mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive')
  if (!ReadOnly && force) throw invalid('mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive')
  if (top && force) throw invalid('mount options conflict: ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive')
  if (force) return 'forceRecursive'
  return top ? 'topOnly' : 'preferRecursive'
}

function volumePlan({ Source: name = '', VolumeOptions: options = {} }: MountRequest, fail: Fail) {
  if (options.Subpath && name === '') throw fail('must not set Subpath when using anonymous volumes')
  return {
    name,
    driver: options.DriverConfig?.Name ?? '',
    // What is below the root of the volume has to be there already.
    copy: !options.NoCopy && !options.Subpath,
    volume: { labels: options.Labels ?? {}, options: options.DriverConfig?.Options ?? {} },
    subpath: subpathOf(options.Subpath, 'volume', fail),
  }
}

// Layers belong to all containers of an image: nobody may write there.
function imagePlan({ Source: source, ImageOptions: options = {} }: MountRequest, fail: Fail) {
  if (!source) throw fail('field Source must not be empty')
  return { source, rw: false, subpath: subpathOf(options.Subpath, 'image', fail) }
}

function subpathOf(path: string | undefined, whose: string, fail: Fail): string {
  if (!path) return ''
  if (isLocal(path)) return path
  throw fail(`subpath must be a relative path within the ${whose}`)
}

function tmpfsPlan({ Source, TmpfsOptions, ReadOnly = false }: MountRequest, fail: Fail): string {
  if (Source) throw fail('field Source must not be specified')
  try {
    return tmpfsData(TmpfsOptions, ReadOnly)
  } catch (error) {
    throw fail(messageOf(error))
  }
}
