// `gantry push`: an image, or all tags of a repository, to its registry.

import { pushImage } from '../../client/images.ts'
import { invalid, messageOf } from '../../lib/errors.ts'
import type { Platform } from '../../oci/manifest.ts'
import { formatReference, parseReference, withDefaultTag } from '../../oci/reference.ts'
import { type FlagValues, flag } from '../flags.ts'
import { credentialsFor, serverOf } from '../login/credentials.ts'
import { showProgress } from '../output/progress.ts'
import { silent } from '../output/silent.ts'
import { platformOf } from '../platform.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS] NAME[:TAG]',
  summary: 'Upload an image to a registry',
  flags: [
    flag('all-tags', 'bool', 'Push all tags of an image to the repository', 'a'),
    flag('disable-content-trust', 'bool', 'Skip image signing'),
    flag('platform', 'text', 'Push a platform-specific manifest as a single-platform image to the registry'),
    flag('quiet', 'bool', 'Suppress verbose output', 'q'),
  ],
  operands: { min: 1, max: 1 },
  async run(context, flags, [name = '']) {
    const { client, env, stdout } = context
    const platform = checkedPlatform(flags)
    const reference = parseReference(name)
    const all = flags.bool('all-tags')
    const quiet = flags.bool('quiet')
    if (all && reference.tag !== undefined) throw invalid("tag can't be used with --all-tags/-a")
    const full = all ? reference : withDefaultTag(reference)
    if (full !== reference && full.tag !== reference.tag && !quiet) stdout.write('Using default tag: latest\n')
    if (platform) stdout.write(note(aboutPlatform))
    const credentials = await credentialsFor(env, serverOf(name))
    const notes: string[] = []
    const onAux = (aux: unknown) => notes.push(...notesOf(aux))
    await showProgress(pushImage(client, full, platform, credentials), { output: quiet ? silent : stdout, onAux })
    if (quiet) stdout.write(`${formatReference(full)}\n`)
    for (const text of notes) stdout.write(text)
    return 0
  },
}

const aboutPlatform = `Using --platform pushes only the specified platform manifest of a multi-platform image index.
Other components, like attestations, will not be included.
To push the complete multi-platform image, remove the --platform flag.
`

/** Several lines that stand below each other behind a word. */
const note = (text: string): string => `\n Info -> ${text.replaceAll('\n', '\n         ')}\n`

// docker's sentence, which is one of its own here.
function checkedPlatform(flags: FlagValues): Platform | undefined {
  try {
    return platformOf(flags)
  } catch (cause) {
    const why = messageOf(cause).replace(/^invalid platform: /, '')
    throw invalid(`Invalid platform ${flags.text('platform')}${why}`, { cause })
  }
}

/** What the engine tells of an index of which only one image was sent. */
function notesOf(aux: unknown): string[] {
  const { manifestPushedInsteadOfIndex, originalIndex, selectedManifest } = aux as {
    manifestPushedInsteadOfIndex?: boolean
    originalIndex?: { digest: string }
    selectedManifest?: { digest: string }
  }
  if (manifestPushedInsteadOfIndex !== true) return []
  const sentence = 'Not all multiplatform-content is present and only the available single-platform image was pushed'
  return [note(`${sentence}\n${originalIndex?.digest} -> ${selectedManifest?.digest}`)]
}
