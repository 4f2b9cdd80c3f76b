// `gantry version`: of the client, and of the engine if it can be reached.

import { arch, platform } from 'node:os'
import type { SystemVersion } from '../../api/types/system.ts'
import { engineVersion } from '../../client/system.ts'
import { messageOf } from '../../lib/errors.ts'
import { gantryVersion } from '../../lib/version.ts'
import { flag } from '../flags.ts'
import { goJson } from '../../lib/template/functions.ts'
import { compileTemplate } from '../output/template.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb = {
  usage: '[OPTIONS]',
  summary: 'Show the Gantry version information',
  flags: [flag('format', 'text', "Format output: 'json' or a Go template", 'f')],
  operands: { min: 0, max: 0 },
  async run(context, flags) {
    const client = { Version: gantryVersion(), NodeVersion: process.version, Os: platform(), Arch: goArch() }
    const { server, failure } = await askEngine(() => engineVersion(context.client))
    const format = flags.text('format')
    const value = { Client: client, Server: server ?? null }
    if (format === 'json') context.stdout.write(`${goJson(value)}\n`)
    else if (format) context.stdout.write(`${compileTemplate(format)(value)}\n`)
    else context.stdout.write(describeClient(client) + (server ? `\n${describeServer(server)}` : ''))
    if (failure) context.stderr.write(`${failure}\n`)
    return failure ? 1 : 0
  },
}

async function askEngine(ask: () => Promise<SystemVersion>): Promise<{ server?: SystemVersion; failure?: string }> {
  try {
    return { server: await ask() }
  } catch (error) {
    return { failure: messageOf(error) }
  }
}

const goArch = () => (arch() === 'x64' ? 'amd64' : arch())

function describeClient(client: { Version: string; NodeVersion: string; Os: string; Arch: string }): string {
  return fields('Client:', 1, [
    ['Version', client.Version],
    ['Node version', client.NodeVersion],
    ['OS/Arch', `${client.Os}/${client.Arch}`],
  ])
}

function describeServer(server: SystemVersion): string {
  const engine = fields(' Engine:', 2, [
    ['Version', server.Version],
    ['API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion ?? ''})`],
    ['Git commit', server.GitCommit],
    ['OS/Arch', `${server.Os}/${server.Arch}`],
    ['Kernel', server.KernelVersion ?? ''],
  ])
  const others = (server.Components ?? []).filter(component => component.Name !== 'Engine')
  const parts = others.map(({ Name, Version }) => fields(` ${Name}:`, 2, [['Version', Version]]))
  return `Server: ${server.Platform?.Name ?? ''}\n${engine}${parts.join('')}`
}

const nameWidth = 19

function fields(title: string, indent: number, pairs: readonly [string, string][]): string {
  const lines = pairs.map(
    ([name, value]) => `${' '.repeat(indent)}${`${name}:`.padEnd(nameWidth - indent + 1)}${value}`,
  )
  return `${[title, ...lines].join('\n')}\n`
}
