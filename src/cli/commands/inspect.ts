// `gantry inspect`: all that is known of containers, images, volumes and networks.

import type { Client } from '../../client/client.ts'
import { invalid, notFound } from '../../lib/errors.ts'
import { isNotFound } from '../each.ts'
import { flag } from '../flags.ts'
import { formatFlag, inspectAll } from '../inspect.ts'
import type { Verb } from '../verb.ts'

// Looked for in this order: a container and an image of the same name are both possible.
const paths: Readonly<Record<string, (name: string) => string>> = {
  container: name => `/containers/${encodeURIComponent(name)}/json`,
  image: name => `/images/${encodeURI(name)}/json`,
  network: name => `/networks/${encodeURIComponent(name)}`,
  volume: name => `/volumes/${encodeURIComponent(name)}`,
}

export const verb: Verb = {
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  summary: 'Return low-level information on containers, images, networks and volumes',
  flags: [
    formatFlag,
    flag('size', 'bool', 'Display total file sizes if the type is container', 's'),
    flag('type', 'text', 'Only inspect objects of the given type: container, image, network or volume'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context, flags, names) {
    const types = typesOf(flags.text('type'))
    return inspectAll(context, names, flags.text('format'), name =>
      find(context.client, types, name, flags.bool('size')),
    )
  },
}

function typesOf(type: string | undefined): string[] {
  if (type === undefined || type === '') return Object.keys(paths)
  if (!Object.hasOwn(paths, type))
    throw invalid(`unknown type: ${JSON.stringify(type)}: must be one of "container", "image", "network", "volume"`)
  return [type]
}

async function find(client: Client, types: readonly string[], name: string, size: boolean): Promise<unknown> {
  for (const type of types) {
    const path = paths[type]
    if (!path) throw notFound(`No such type: ${type}`)
    try {
      return await client.json('GET', path(name), { query: { size: size && type === 'container' ? true : undefined } })
    } catch (error) {
      if (types.length === 1 || !isNotFound(error)) throw error
    }
  }
  throw invalid(`Error: No such object: ${name}`)
}
