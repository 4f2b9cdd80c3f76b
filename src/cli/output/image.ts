// Images as lines of `images` and `system df -v`.

import type { ImageSummary } from '../../api/types/image.ts'
import { shortId } from '../../lib/ids.ts'
import { type Row, goTime } from './listing.ts'
import { humanAge, humanSize } from './units.ts'

/** Titles of an image's fields. */
export const imageTitles = {
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  ID: 'IMAGE ID',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
  SharedSize: 'SHARED SIZE',
  UniqueSize: 'UNIQUE SIZE',
  Containers: 'CONTAINERS',
}

const none = '<none>'

interface Name {
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

/** A line for each name of an image, with its fields as templates name them. */
export function imageRows(image: ImageSummary, { digests, whole }: { digests: boolean; whole: boolean }): Row[] {
  return namesOf(image, digests).map(({ repository, tag, digest }) => ({
    Containers: counted(image.Containers, String),
    // Names of time zones are slow to come by: 10 ms.
    get CreatedAt() {
      return goTime(image.Created)
    },
    CreatedSince: humanAge(image.Created * 1000, Date.now()),
    Digest: digest,
    ID: whole ? image.Id : shortId(image.Id),
    Repository: repository,
    SharedSize: counted(image.SharedSize, size => humanSize(size, 4)),
    Size: humanSize(image.Size),
    Tag: tag,
    UniqueSize: image.SharedSize < 0 ? 'N/A' : humanSize(image.Size - image.SharedSize, 4),
    VirtualSize: humanSize(image.Size, 4),
  }))
}

const counted = (number: number, show: (number: number) => string) => (number < 0 ? 'N/A' : show(number))

/** A name for each tag; for each digest where a repository has no tag, or where digests are asked for. */
function namesOf(image: ImageSummary, digests: boolean): Name[] {
  const tags = (image.RepoTags ?? []).filter(tag => tag !== `${none}:${none}`).map(splitTag)
  const byDigest = (image.RepoDigests ?? []).filter(text => !text.startsWith(none)).map(splitDigest)
  const tagged = tags.flatMap(({ repository, tag }) => {
    const own = byDigest.filter(each => each.repository === repository)
    return digests && own.length > 0 ? own.map(each => ({ ...each, tag })) : [{ repository, tag, digest: none }]
  })
  const untagged = byDigest.filter(each => !tags.some(({ repository }) => repository === each.repository))
  const names = [...tagged, ...untagged]
  return names.length > 0 ? names : [{ repository: none, tag: none, digest: none }]
}

function splitTag(text: string) {
  const at = text.lastIndexOf(':')
  return { repository: text.slice(0, at), tag: text.slice(at + 1) }
}

function splitDigest(text: string): Name {
  const at = text.indexOf('@')
  return { repository: text.slice(0, at), tag: none, digest: text.slice(at + 1) }
}
