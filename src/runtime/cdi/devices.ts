// Finding devices by their full names in the directories that hold CDI specifications.

import { readFileSync, readdirSync } from 'node:fs'
import { extname, join } from 'node:path'
import { hasCode } from '../../kernel/ffi.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import { type CdiDocument, type ContainerEdits, readDocument } from './document.ts'

/**
 * The edits that `names` (`vendor.com/class=name`) stand for, in order; what all devices of a file need comes first, once.
 * Files of a later directory win over those of an earlier one. Throws invalid as dockerd does if one can't be found.
 */
export async function findDevices(names: readonly string[], directories: readonly string[]): Promise<ContainerEdits[]> {
  const files = await readFiles(directories)
  const missing: string[] = []
  const reasons = files.flatMap(({ error }) => error ?? [])
  const shared = new Set<CdiDocument>()
  const found: ContainerEdits[] = []
  for (const name of new Set(names)) {
    const candidates = files.filter(({ document }) => document && deviceIn(document, name))
    const first = candidates.filter(({ rank }) => rank === candidates.at(-1)?.rank)
    const [file] = first
    const edits = file?.document && deviceIn(file.document, name)
    if (!file?.document || !edits || first.length > 1) {
      missing.push(name)
      if (first.length > 1) reasons.push(`${name} is in ${first.map(({ path }) => path).join(' and ')}`)
      continue
    }
    if (!shared.has(file.document)) found.push(file.document.edits)
    shared.add(file.document)
    found.push(edits)
  }
  if (missing.length === 0) return found
  const why = reasons.length > 0 ? ` (${reasons.join('; ')})` : ''
  throw invalid(`CDI device injection failed: unresolvable CDI devices ${missing.join(', ')}${why}`)
}

/** What the directories hold. */
export interface DeviceList {
  /** Full names, sorted: those that can be asked for. */
  readonly names: readonly string[]
  /** Why files can't be used, and devices that two of them have. */
  readonly warnings: readonly string[]
}

/** All devices that `findDevices` finds; files are read anew each time. */
export async function listDevices(directories: readonly string[]): Promise<DeviceList> {
  const files = await readFiles(directories)
  const warnings = files.flatMap(({ path, error }) =>
    error === undefined ? [] : [`CDI: Error associated with spec file ${path}: ${error}`],
  )
  const owners = new Map<string, CdiFile[]>()
  for (const file of files) {
    for (const name of file.document?.devices.keys() ?? []) {
      const full = `${file.document?.kind}=${name}`
      const others = (owners.get(full) ?? []).filter(({ rank }) => rank === file.rank)
      owners.set(full, [...others, file])
    }
  }
  const names = [...owners].filter(([, { length }]) => length === 1).map(([name]) => name)
  return { names: names.toSorted(), warnings }
}

function deviceIn({ kind, devices }: CdiDocument, name: string): ContainerEdits | undefined {
  return name.startsWith(`${kind}=`) ? devices.get(name.slice(kind.length + 1)) : undefined
}

interface CdiFile {
  readonly path: string
  /** Of its directory. */
  readonly rank: number
  readonly document?: CdiDocument
  /** Why it can't be used: that concerns only who asks for what might be in it. */
  readonly error?: string
}

async function readFiles(directories: readonly string[]): Promise<CdiFile[]> {
  const paths = directories.flatMap((directory, rank) =>
    namesIn(directory).map(name => ({ path: join(directory, name), rank })),
  )
  return Promise.all(paths.map(readFile))
}

async function readFile({ path, rank }: { path: string; rank: number }): Promise<CdiFile> {
  try {
    return { path, rank, document: readDocument(await parse(path)) }
  } catch (error) {
    return { path, rank, error: `${path}: ${messageOf(error).split('\n', 1)[0]}` }
  }
}

// The library is loaded when it is needed: few hosts have such files.
async function parse(path: string): Promise<unknown> {
  const text = readFileSync(path, 'utf8')
  if (extname(path) === '.json') return JSON.parse(text)
  const yaml = await import('yaml')
  return yaml.parse(text)
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(name => ['.json', '.yaml'].includes(extname(name)))
      .toSorted()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
