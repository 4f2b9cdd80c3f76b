// Where checkpoints are: directories of images, below the container's own files or where the client says.

import { constants, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import type { CheckpointSummary } from '../../api/types/checkpoint.ts'
import { openPath } from '../../kernel/descriptor.ts'
import { hasCode } from '../../kernel/ffi.ts'
import { fsync, renameAt, syncfs } from '../../kernel/files.ts'
import { type GantryError, conflict, invalid, messageOf, notFound } from '../../lib/errors.ts'
import type { Engine } from '../engine.ts'
import type { Container } from '../model.ts'
import { containerPaths } from '../paths.ts'

/** A container and how the client called it. */
export interface Subject {
  readonly container: Container
  readonly reference: string
}

/** What names a checkpoint: `directory` is the absolute path of the directory it is in, or '' for the container's own. */
export interface CheckpointReference {
  readonly name: string
  readonly directory: string
}

type Parts = Pick<Engine, 'settings' | 'removeTree'>

// CRIU writes it once everything else is there.
const lastImage = 'inventory.img'

/** GET /containers/{id}/checkpoints: by name; null if there are none. Throws notFound for a `directory` that isn't there. */
export function listCheckpoints(engine: Parts, subject: Subject, directory: string): CheckpointSummary[] | null {
  const home = homeOf(engine, subject.container, directory)
  if (directory === '' && !existsSync(home)) return null
  checkDirectory(home, missing('', subject.reference))
  const entries = readdirSync(home, { withFileTypes: true }).filter(entry => entry.isDirectory() && isName(entry.name))
  const names = entries.map(({ name }) => name).toSorted()
  return names.length === 0 ? null : names.map(Name => ({ Name }))
}

/** DELETE /containers/{id}/checkpoints/{name}. Throws notFound, and conflict for what is no checkpoint. */
export async function removeCheckpoint(engine: Parts, subject: Subject, asked: CheckpointReference): Promise<void> {
  const path = findCheckpoint(engine, subject, asked)
  const isOwn = asked.directory === ''
  // Any path of the host can be asked for.
  if (!isOwn && !existsSync(join(path, lastImage))) throw conflict(`${path} is not a checkpoint`)
  await engine.removeTree(dirname(path), asked.name)
}

/** The directory with the images of a checkpoint that is there. Throws notFound if it isn't. */
export function findCheckpoint(engine: Parts, subject: Subject, asked: CheckpointReference): string {
  checkName(asked.name)
  const path = join(homeOf(engine, subject.container, asked.directory), asked.name)
  checkDirectory(path, missing(asked.name, subject.reference))
  return path
}

const missing = (name: string, reference: string) =>
  notFound(`checkpoint ${name} does not exist for container ${reference}`)

/** A checkpoint that is being made: under another name until it is complete. */
export interface Draft {
  /** An empty directory. */
  readonly path: string
  /** Gives the checkpoint its name, durably. Throws system if the images aren't there. */
  publish(): void
  /** Removes it. */
  discard(): Promise<void>
}

/** Begins a checkpoint. Throws dockerd's errors, such as conflict if there is one of that name. */
export async function beginCheckpoint(engine: Parts, subject: Subject, asked: CheckpointReference): Promise<Draft> {
  const { name } = asked
  checkName(name)
  const home = homeOf(engine, subject.container, asked.directory)
  try {
    checkFree(join(home, name), name, subject.reference)
    mkdirSync(home, { recursive: true, mode: 0o700 })
    // No checkpoint's name begins with a dot; what an earlier daemon did not finish is of no use.
    const draft = `.${name}.new`
    await engine.removeTree(home, draft)
    const path = join(home, draft)
    mkdirSync(path, { mode: 0o700 })
    return { path, publish: () => publish(home, draft, name), discard: () => engine.removeTree(home, draft) }
  } catch (error) {
    throw conflict(`cannot checkpoint container ${subject.reference}: ${messageOf(error)}`, { cause: error })
  }
}

function publish(home: string, draft: string, name: string) {
  if (!existsSync(join(home, draft, lastImage))) {
    throw conflict(`the runtime wrote no images to ${home}: was it mounted after the container was started?`)
  }
  using directory = openPath(home, constants.O_RDONLY | constants.O_DIRECTORY)
  syncfs(directory)
  renameAt(directory, draft, directory, name, { noReplace: true })
  fsync(directory)
}

function checkFree(path: string, name: string, reference: string) {
  const stat = statIfThere(path)
  if (stat?.isDirectory()) throw conflict(`checkpoint with name ${name} already exists for container ${reference}`)
  if (stat) throw notDirectory(path)
}

function checkDirectory(path: string, absent: GantryError) {
  const stat = statIfThere(path)
  if (!stat) throw absent
  if (!stat.isDirectory()) throw notDirectory(path)
}

const notDirectory = (path: string) => conflict(`${path} exists and is not a directory`)

function statIfThere(path: string) {
  try {
    return statSync(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw hasCode(error, 'ENOTDIR') ? conflict(`stat ${path}: not a directory`) : error
  }
}

function homeOf(engine: Pick<Engine, 'settings'>, { id }: Container, directory: string): string {
  if (directory === '') return containerPaths(engine.settings, id).checkpoints
  if (isAbsolute(directory)) return directory
  throw invalid(`the checkpoint directory ${directory} is not an absolute path`)
}

const isName = (name: string) => /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)

function checkName(name: string) {
  if (isName(name) && name.length <= 200) return
  throw invalid(`Invalid checkpoint ID (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`)
}
