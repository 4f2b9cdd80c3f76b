// --pull: when the image of a new container is fetched.

import type { ContainerCreateResponse } from '../../api/types/container.ts'
import { EngineError } from '../../client/client.ts'
import { type ContainerDefinition, createContainer } from '../../client/containers.ts'
import { pullImage } from '../../client/images.ts'
import { invalid } from '../../lib/errors.ts'
import type { FlagValues } from '../flags.ts'
import { credentialsFor, serverOf } from '../login/credentials.ts'
import { showProgress } from '../output/progress.ts'
import { silent } from '../output/silent.ts'
import { splitTag } from '../reference.ts'
import type { Context } from '../verb.ts'

const policies = ['always', 'missing', 'never'] as const

/** Throws invalid if --pull is none of its values. */
export function checkPull(flags: FlagValues): void {
  policyOf(flags)
}

/** Creates a container of an image that --pull may have to fetch first. */
export async function createWithImage(
  context: Context,
  flags: FlagValues,
  definition: ContainerDefinition,
): Promise<ContainerCreateResponse> {
  const { client } = context
  const { Image: image = '' } = definition
  const query = { name: flags.text('name'), platform: flags.text('platform') }
  const policy = policyOf(flags)
  if (policy === 'always') await pull(context, flags, image)
  try {
    return await createContainer(client, definition, query)
  } catch (error) {
    if (policy !== 'missing' || !isMissing(error)) throw error
    if (!flags.bool('quiet')) context.stderr.write(`Unable to find image '${fullName(image)}' locally\n`)
    await pull(context, flags, image)
    return createContainer(client, definition, query)
  }
}

function policyOf(flags: FlagValues): (typeof policies)[number] {
  const text = flags.text('pull') ?? 'missing'
  const policy = policies.find(name => name === text)
  if (!policy) throw invalid(`invalid pull option: '${text}': must be one of "always", "missing" or "never"`)
  return policy
}

function fullName(image: string): string {
  const { repo = '', tag = 'latest' } = splitTag(image)
  return image.includes('@') ? image : `${repo}:${tag}`
}

const isMissing = (error: unknown) => error instanceof EngineError && error.message.startsWith('No such image: ')

async function pull({ client, env, stderr }: Context, flags: FlagValues, image: string) {
  const { repo = '', tag = 'latest' } = splitTag(image)
  const credentials = await credentialsFor(env, serverOf(image))
  const messages = pullImage(client, { repo, tag, platform: flags.text('platform') }, credentials)
  await showProgress(messages, { output: flags.bool('quiet') ? silent : stderr })
}
