// `gantry commit`: an image of what a container has changed.

import { commitContainer } from '../../client/files.ts'
import { invalid } from '../../lib/errors.ts'
import { familiarName, parseReference, withDefaultTag } from '../../oci/reference.ts'
import { flag } from '../flags.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] CONTAINER [REPOSITORY[:TAG]]',
  summary: "Create a new image from a container's changes",
  flags: [
    flag('author', 'text', 'Author (e.g., "John Hannibal Smith <hannibal@a-team.com>")', 'a'),
    flag('change', 'list', 'Apply Dockerfile instruction to the created image', 'c'),
    flag('message', 'text', 'Commit message', 'm'),
    flag('pause', 'bool', 'Pause container during commit (default true)', 'p'),
  ],
  operands: { min: 1, max: 2 },
  async run(context, flags, [name = '', target = '']) {
    const { Id: id } = await commitContainer(context.client, {
      container: name,
      ...nameOf(target),
      author: flags.text('author'),
      comment: flags.text('message'),
      changes: flags.list('change'),
      pause: flags.has('pause') && !flags.bool('pause') ? false : undefined,
    })
    context.stdout.write(`${id}\n`)
    return 0
  },
}

function nameOf(target: string): { repo?: string; tag?: string } {
  if (target === '') return {}
  const reference = withDefaultTag(parseReference(target))
  if (reference.digest !== undefined) throw invalid('refusing to create a tag with a digest reference')
  return { repo: familiarName(reference), tag: reference.tag }
}
