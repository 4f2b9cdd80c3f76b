// The `tag` option: a template over facts of the container, by which a log collector tells messages apart.

import { hostname } from 'node:os'
import { GantryError, invalid, messageOf } from '../lib/errors.ts'
import { shortId } from '../lib/ids.ts'
import { compileTemplate } from '../lib/template/template.ts'
import type { LogOptions, LogSubject } from './subject.ts'

/** The tag of drivers that always have one. */
export const defaultTag = '{{.ID}}'

/** The container's tag, from the option or `fallback`. Throws invalid with Go's texts for a template that can't be used. */
export function tagOf(options: LogOptions, subject: LogSubject, fallback: string): string {
  const source = options.tag || fallback
  // The usual ones are not worth a parser for each container.
  if (source === '') return ''
  if (source === defaultTag) return shortId(subject.id)
  try {
    return compileTemplate(source)(facts(options, subject))
  } catch (error) {
    if (error instanceof GantryError) throw new GantryError(error.kind, inTag(error.message), { cause: error })
    // Nested so deeply that the stack is not enough.
    throw invalid(`the log tag can't be used as a template: ${messageOf(error)}`, { cause: error })
  }
}

// The template's name is part of Go's texts.
const inTag = (message: string) =>
  message.replace(/^(?:template parsing error: )?template: :1:/, 'template: log-tag:1:')

// Docker's names. The image's short id is the beginning of its digest, algorithm and all, as with Docker.
const facts = (options: LogOptions, subject: LogSubject) => ({
  ID: shortId(subject.id),
  FullID: subject.id,
  Name: subject.name,
  ImageID: subject.imageId.slice(0, 12),
  ImageFullID: subject.imageId,
  ImageName: subject.imageName,
  Command: subject.argv.join(' '),
  Hostname: hostname(),
  DaemonName: 'docker',
  Config: options,
  ContainerID: subject.id,
  ContainerName: `/${subject.name}`,
  ContainerEntrypoint: subject.argv[0] ?? '',
  ContainerArgs: subject.argv.slice(1),
  ContainerImageID: subject.imageId,
  ContainerImageName: subject.imageName,
  ContainerCreated: subject.created,
  ContainerEnv: subject.env,
  ContainerLabels: subject.labels,
})
