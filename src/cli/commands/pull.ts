// `gantry pull`: an image, or all of a repository, from its registry.

import { pullImage } from '../../client/images.ts'
import { invalid } from '../../lib/errors.ts'
import { formatReference, parseReference, repositoryOf, withDefaultTag } from '../../oci/reference.ts'
import { flag } from '../flags.ts'
import { credentialsFor, serverOf } from '../login/credentials.ts'
import { showProgress } from '../output/progress.ts'
import { silent } from '../output/silent.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  summary: 'Download an image from a registry',
  flags: [
    flag('all-tags', 'bool', 'Download all tagged images in the repository', 'a'),
    flag('disable-content-trust', 'bool', 'Skip image verification'),
    flag('platform', 'text', 'Set platform if server is multi-platform capable'),
    flag('quiet', 'bool', 'Suppress verbose output', 'q'),
  ],
  operands: { min: 1, max: 1 },
  async run(context, flags, [name = '']) {
    const { client, env, stdout } = context
    const reference = parseReference(name)
    const all = flags.bool('all-tags')
    const isNamed = reference.tag !== undefined || reference.digest !== undefined
    if (all && isNamed) throw invalid("tag can't be used with --all-tags/-a")
    const quiet = flags.bool('quiet')
    if (!all && !isNamed && !quiet) stdout.write('Using default tag: latest\n')
    const full = all ? reference : withDefaultTag(reference)
    const query = {
      repo: repositoryOf(full),
      tag: full.digest ?? full.tag,
      platform: flags.text('platform'),
    }
    const credentials = await credentialsFor(env, serverOf(name))
    await showProgress(pullImage(client, query, credentials), { output: quiet ? silent : stdout })
    stdout.write(`${formatReference(full)}\n`)
    return 0
  },
}
