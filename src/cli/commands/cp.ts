// `gantry cp`: files between a container and this machine.

import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import { Readable } from 'node:stream'
import { type PathStat, getArchive, putArchive, statPath } from '../../client/files.ts'
import { copy } from '../../client/streams.ts'
import { invalid } from '../../lib/errors.ts'
import { pack } from '../copy/pack.ts'
import { type Place, renamed, resolvedEnd, splitEnd, splitOperand, targetOf, withEndOf } from '../copy/rules.ts'
import { unpack } from '../copy/unpack.ts'
import { flag } from '../flags.ts'
import { checkOutputPath } from '../output-file.ts'
import { type Context, type Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tgantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  summary: 'Copy files/folders between a container and the local filesystem',
  flags: [
    flag('archive', 'bool', 'Archive mode (copy all uid/gid information)', 'a'),
    flag('follow-link', 'bool', 'Always follow symbol link in SRC_PATH', 'L'),
    flag('quiet', 'bool', 'Suppress progress output during copy', 'q'),
  ],
  operands: { min: 2, max: 2 },
  async run(context, flags, [source = '', destination = '']) {
    if (source === '') throw invalid('source can not be empty')
    if (destination === '') throw invalid('destination can not be empty')
    const [from, to] = [splitOperand(source), splitOperand(destination)]
    const options = { follow: flags.bool('follow-link'), asUser: flags.bool('archive') }
    if (from.container !== '' && to.container !== '') throw invalid('copying between containers is not supported')
    if (from.container !== '') await copyOut(context, from, to.path, options)
    else if (to.container !== '') await copyIn(context, from.path, to, options)
    else throw invalid('must specify at least one container source')
    return 0
  },
}

interface Options {
  readonly follow: boolean
  readonly asUser: boolean
}

interface Inside {
  readonly container: string
  readonly path: string
}

const isLink = (stat: PathStat | undefined): stat is PathStat => stat?.type === 'symlink'

// What is wrong with the path is told when it is used.
const statInside = async ({ client }: Context, { container, path }: Inside): Promise<PathStat | undefined> => {
  try {
    return await statPath(client, container, path)
  } catch {
    return undefined
  }
}

const absolute = (path: string): string => withEndOf(posix.resolve(path), path)

async function copyOut(context: Context, from: Inside, to: string, { follow }: Options): Promise<void> {
  const local = to === '-' ? to : absolute(to)
  if (to !== '-') checkOutputPath(local)
  const linked = follow ? await statInside(context, from) : undefined
  const source = isLink(linked)
    ? resolvedEnd(from.path, posix.resolve(splitEnd(from.path).parent, linked.linkTarget))
    : { path: from.path, rebaseName: '' }
  const { stat, archive } = await getArchive(context.client, from.container, source.path)
  if (to === '-') return copy(archive, context.stdout)
  const top = { ...source, exists: true, isDirectory: stat.type === 'directory' }
  const { directory, rename } = targetOf(top, localDestination(local))
  const rebase = source.rebaseName === '' ? undefined : ([splitEnd(source.path).base, source.rebaseName] as const)
  await unpack(archive, directory, name => renamed(renamed(name, rebase), rename))
}

const maxLinks = 10

/** What is at a path of this machine that is copied to; of a link, where it leads. */
function localDestination(path: string): Place {
  let current = path
  for (let hop = 0; hop <= maxLinks; hop++) {
    const stat = lstatSync(current, { throwIfNoEntry: false })
    if (!stat) return missing(current)
    if (!stat.isSymbolicLink()) return { path: current, exists: true, isDirectory: stat.isDirectory(), rebaseName: '' }
    current = posix.resolve(posix.dirname(current), readlinkSync(current))
  }
  throw invalid(`too many symlinks in ${JSON.stringify(path)}`)
}

function missing(path: string): Place {
  const { parent } = splitEnd(path)
  const stat = statSync(parent, { throwIfNoEntry: false })
  if (!stat) throw invalid(`stat ${parent}: no such file or directory`)
  if (!stat.isDirectory()) throw invalid('not a directory')
  return { path, exists: false, isDirectory: false, rebaseName: '' }
}

async function copyIn(context: Context, from: string, to: Inside, { follow, asUser }: Options): Promise<void> {
  const destination = await destinationInside(context, to)
  if (from === '-') {
    if (!destination.isDirectory) throw invalid(`destination "${to.container}:${to.path}" must be a directory`)
    return putArchive(context.client, to.container, destination.path, context.stdin, { asUser })
  }
  const source = localSource(absolute(from), follow)
  const { directory, rename } = targetOf(source, destination)
  const { parent, base } = splitEnd(source.path)
  const name = renamed(source.rebaseName || base, rename)
  const archive = Readable.from(pack(base === '.' ? parent : posix.join(parent, base), name))
  await putArchive(context.client, to.container, directory, archive, { asUser })
}

async function destinationInside(context: Context, to: Inside): Promise<Place> {
  let path = to.path
  let stat = await statInside(context, to)
  if (isLink(stat)) {
    path = posix.resolve(splitEnd(to.path).parent, stat.linkTarget)
    stat = await statInside(context, { ...to, path })
  }
  if (stat && stat.type !== 'directory' && stat.type !== 'file' && stat.type !== 'symlink') {
    throw invalid(`destination "${to.container}:${to.path}" must be a directory or a regular file: got a ${stat.type}`)
  }
  return { path, exists: stat !== undefined, isDirectory: stat?.type === 'directory', rebaseName: '' }
}

/** What is at a path of this machine that is copied from; links on the way are followed, one at its end if asked to. */
function localSource(path: string, follow: boolean): Place {
  const resolved = follow ? resolvedEnd(path, resolve(path)) : besideLinks(path)
  const stat = lstatSync(resolved.path.replace(/(.)\/+$/, '$1'), { throwIfNoEntry: false })
  if (!stat) throw invalid(`lstat ${resolved.path}: no such file or directory`)
  return { ...resolved, exists: true, isDirectory: stat.isDirectory() }
}

function besideLinks(path: string): { path: string; rebaseName: string } {
  const at = path.lastIndexOf('/') + 1
  const parent = resolve(path.slice(0, at))
  const joined = `${parent === '/' ? '' : parent}/${path.slice(at)}`
  return path.endsWith('/') ? resolvedEnd(path, parent) : { path: joined, rebaseName: '' }
}

function resolve(path: string): string {
  try {
    return realpathSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const clean = path.replace(/(.)\/+$/, '$1')
    if (code === 'ENOENT') throw invalid(`lstat ${clean}: no such file or directory`, { cause })
    if (code === 'ENOTDIR') throw invalid(`lstat ${clean}: not a directory`, { cause })
    throw cause
  }
}
