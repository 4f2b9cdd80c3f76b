// `gantry images`: the images, a line for each name.

import type { ImageSummary } from '../../api/types/image.ts'
import { listImages } from '../../client/images.ts'
import { shortId } from '../../lib/ids.ts'
import { type FlagValues, checked, flag } from '../flags.ts'
import { formatListing, goTime, type Row } from '../output/listing.ts'
import { humanAge, humanSize } from '../output/units.ts'
import { checkFilter, parseFilters } from '../values.ts'
import type { Verb } from '../verb.ts'

const titles = {
  Repository: 'REPOSITORY',
  Tag: 'TAG',
  Digest: 'DIGEST',
  ID: 'IMAGE ID',
  CreatedSince: 'CREATED',
  CreatedAt: 'CREATED AT',
  Size: 'SIZE',
}

const none = '<none>'

export const verb: Verb = {
  usage: '[OPTIONS] [REPOSITORY[:TAG]]',
  summary: 'List images',
  flags: [
    flag('all', 'bool', 'Show all images (default hides intermediate images)', 'a'),
    flag('digests', 'bool', 'Show digests'),
    checked(flag('filter', 'list', 'Filter output based on conditions provided', 'f'), checkFilter),
    flag('format', 'text', "Format output: 'table', 'table TEMPLATE', 'json' or a Go template"),
    flag('no-trunc', 'bool', "Don't truncate output"),
    flag('quiet', 'bool', 'Only show image IDs', 'q'),
  ],
  operands: { min: 0, max: 1 },
  async run(context, flags, [reference]) {
    const filters = parseFilters(flags.list('filter'))
    if (reference !== undefined) filters.reference = [...(filters.reference ?? []), reference]
    const images = await listImages(context.client, { all: flags.bool('all'), filters })
    const rows = images.flatMap(image => rowsOf(image, flags, Date.now()))
    const digest = flags.bool('digests') ? ['Digest'] : []
    const columns = ['Repository', 'Tag', ...digest, 'ID', 'CreatedSince', 'Size']
    context.stdout.write(formatListing({ rows, titles, columns, key: 'ID' }, flags.text('format'), flags.bool('quiet')))
    return 0
  },
}

interface Name {
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

function rowsOf(image: ImageSummary, flags: FlagValues, now: number): Row[] {
  return namesOf(image, flags.bool('digests')).map(({ repository, tag, digest }) => ({
    Containers: counted(image.Containers, String),
    // Names of time zones are slow to come by: 10 ms.
    get CreatedAt() {
      return goTime(image.Created)
    },
    CreatedSince: humanAge(image.Created * 1000, now),
    Digest: digest,
    ID: flags.bool('no-trunc') ? image.Id : shortId(image.Id),
    Repository: repository,
    SharedSize: counted(image.SharedSize, humanSize),
    Size: humanSize(image.Size),
    Tag: tag,
    UniqueSize: image.SharedSize < 0 ? 'N/A' : humanSize(image.Size - image.SharedSize),
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
