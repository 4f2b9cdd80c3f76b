// `gantry inspect`: all that is known of containers, images, volumes and networks.

import { EngineError, type Client } from '../../client/client.ts'
import { invalid, notFound } from '../../lib/errors.ts'
import { flag } from '../flags.ts'
import { compileTemplate } from '../output/template.ts'
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
    flag('format', 'text', "Format output: 'json' or a Go template", 'f'),
    flag('size', 'bool', 'Display total file sizes if the type is container', 's'),
    flag('type', 'text', 'Only inspect objects of the given type: container, image, network or volume'),
  ],
  operands: { min: 1, max: Number.POSITIVE_INFINITY },
  async run(context, flags, names) {
    const types = typesOf(flags.text('type'))
    const show = formatter(flags.text('format'))
    const found: unknown[] = []
    let exitCode = 0
    for (const name of names) {
      const value = await find(context.client, types, name, flags.bool('size'))
      if (value !== undefined) found.push(value)
      else {
        context.stderr.write(`${missing(flags.text('type'), name)}\n`)
        exitCode = 1
      }
    }
    context.stdout.write(show(found))
    return exitCode
  },
}

function missing(type: string | undefined, name: string): string {
  if (!type) return `Error: No such object: ${name}`
  const shown = type === 'image' && !/[:@]/.test(name) ? `${name}:latest` : name
  return `Error response from daemon: No such ${type}: ${shown}`
}

function typesOf(type: string | undefined): string[] {
  if (type === undefined || type === '') return Object.keys(paths)
  if (!Object.hasOwn(paths, type))
    throw invalid(`unknown type: ${JSON.stringify(type)}: must be one of "container", "image", "network", "volume"`)
  return [type]
}

function formatter(format: string | undefined): (values: readonly unknown[]) => string {
  if (format === undefined || format === '') return values => `${JSON.stringify(values, null, 4)}\n`
  if (format === 'json') return values => `${JSON.stringify(values)}\n`
  const render = compileTemplate(format)
  return values => values.map(value => `${render(value)}\n`).join('')
}

async function find(client: Client, types: readonly string[], name: string, size: boolean): Promise<unknown> {
  for (const type of types) {
    const path = paths[type]
    if (!path) throw notFound(`No such type: ${type}`)
    try {
      return await client.json('GET', path(name), { query: { size: size && type === 'container' ? true : undefined } })
    } catch (error) {
      if (!(error instanceof EngineError) || error.status !== 404) throw error
    }
  }
  return undefined
}
