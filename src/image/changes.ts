// The `--change` of import and commit: Dockerfile instructions that alter an image's configuration.

import { invalid } from '../lib/errors.ts'
import type { ExecutionConfig, HealthConfig } from '../oci/image-config.ts'
import { splitWords, unquote } from './change-words.ts'

type Config = { -readonly [K in keyof ExecutionConfig]: ExecutionConfig[K] }
type Apply = (config: Config, rest: string, instruction: string) => void

/** The configuration that `changes` make of `config`. Throws `invalid` as Docker does for what is no such instruction. */
export function applyChanges(config: ExecutionConfig, changes: readonly string[]): ExecutionConfig {
  const result: Config = { ...config }
  const lines = changes.flatMap(change => change.split('\n')).map(text => text.trim())
  const instructions = lines.filter(line => line !== '' && !line.startsWith('#'))
  for (const [index, line] of instructions.entries()) {
    applyChange(result, line)
    // A command that was made for another entrypoint.
    if (isEntrypoint(line) && !instructions.slice(0, index).some(isCommand)) delete result.Cmd
  }
  return result
}

const isEntrypoint = (line: string) => /^entrypoint\b/i.test(line)
const isCommand = (line: string) => /^cmd\b/i.test(line)

function applyChange(config: Config, line: string): void {
  const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(line) ?? []
  const instruction = word.toUpperCase()
  const apply = instructions[instruction]
  if (!apply) throw invalid(`${word.toLowerCase()} is not a valid change command`)
  if (rest === '' && instruction !== 'CMD' && instruction !== 'ENTRYPOINT') {
    throw invalid(`${instruction} requires at least one argument`)
  }
  apply(config, rest, instruction)
}

const instructions: Readonly<Record<string, Apply>> = {
  CMD: (config, rest) => {
    config.Cmd = command(rest, config)
  },
  ENTRYPOINT: (config, rest) => {
    config.Entrypoint = command(rest, config)
  },
  ENV: (config, rest, instruction) => {
    const env = new Map((config.Env ?? []).map(entry => [entry.split('=', 1)[0] ?? '', entry]))
    for (const [key, value] of pairs(rest, instruction)) env.set(key, `${key}=${value}`)
    config.Env = [...env.values()]
  },
  LABEL: (config, rest, instruction) => {
    config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(rest, instruction)) }
  },
  EXPOSE: (config, rest) => {
    const ports = splitWords(rest).flatMap(port => exposed(unquote(port)))
    config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(ports.map(port => [port, {}])) }
  },
  VOLUME: (config, rest) => {
    const paths = jsonList(rest) ?? splitWords(rest).map(unquote)
    if (paths.includes('')) throw invalid('VOLUME specified can not be an empty string')
    config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map(path => [path, {}])) }
  },
  WORKDIR: (config, rest) => {
    const path = unquote(rest)
    config.WorkingDir = clean(path.startsWith('/') ? path : `${config.WorkingDir ?? '/'}/${path}`)
  },
  USER: (config, rest) => {
    config.User = unquote(rest)
  },
  STOPSIGNAL: (config, rest) => {
    config.StopSignal = unquote(rest)
  },
  ONBUILD: (config, rest) => {
    const trigger = (/^\S+/.exec(rest)?.[0] ?? '').toUpperCase()
    if (trigger === 'ONBUILD') throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if (trigger === 'MAINTAINER' || trigger === 'FROM') throw invalid(`${trigger} isn't allowed as an ONBUILD trigger`)
    config.OnBuild = [...(config.OnBuild ?? []), rest]
  },
  HEALTHCHECK: (config, rest) => {
    config.Healthcheck = healthcheck(rest)
  },
}

/** A list in JSON; undefined if `text` is none, which makes it a line for the shell. */
function jsonList(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
  } catch {
    return undefined
  }
}

const shell = ['/bin/sh', '-c']

const command = (rest: string, { Shell }: Config): string[] =>
  jsonList(rest) ?? [...(Shell ?? shell), ...(rest === '' ? [] : [rest])]

function pairs(rest: string, instruction: string): [string, string][] {
  const words = splitWords(rest)
  // The old form: one name, and the rest of the line is its value.
  if (!words[0]?.includes('=')) {
    const [, key = '', value] = /^(\S+)\s+(.*)$/s.exec(rest) ?? []
    if (value === undefined) throw invalid(`${instruction} must have two arguments`)
    return [[unquote(key), unquote(value)]]
  }
  return words.map(word => {
    const at = word.indexOf('=')
    if (at < 0) throw invalid(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`)
    if (at === 0) throw invalid(`${instruction} names can not be blank`)
    return [unquote(word.slice(0, at)), unquote(word.slice(at + 1))]
  })
}

function exposed(text: string): string[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-zA-Z]+))?$/.exec(text)
  const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])]
  const protocol = (match?.[3] ?? 'tcp').toLowerCase()
  if (!match || first > last || last > 65_535) throw invalid(`Invalid containerPort: ${text}`)
  if (!['tcp', 'udp', 'sctp'].includes(protocol)) throw invalid(`Invalid proto: ${protocol}`)
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`)
}

function clean(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

const durations = {
  '--interval': 'Interval',
  '--timeout': 'Timeout',
  '--start-period': 'StartPeriod',
  '--start-interval': 'StartInterval',
} as const

function healthcheck(text: string): HealthConfig {
  const config: { -readonly [K in keyof HealthConfig]: HealthConfig[K] } = {}
  let rest = text
  for (let match = flag.exec(rest); match; match = flag.exec(rest)) {
    const [whole, name = '', value = ''] = match
    setFlag(config, name, value)
    rest = rest.slice(whole.length)
  }
  const [, kind = '', argument = ''] = /^(\S+)\s*(.*)$/s.exec(rest) ?? []
  if (kind.toUpperCase() === 'NONE') return { Test: ['NONE'] }
  if (kind.toUpperCase() !== 'CMD') throw invalid(`Unknown type "${kind.toUpperCase()}" in HEALTHCHECK (try CMD)`)
  if (argument === '') throw invalid('Missing command after HEALTHCHECK CMD')
  const list = jsonList(argument)
  return { ...config, Test: list ? ['CMD', ...list] : ['CMD-SHELL', argument] }
}

const flag = /^(--[a-z-]+)=(\S+)\s*/

function setFlag(config: { -readonly [K in keyof HealthConfig]: HealthConfig[K] }, name: string, value: string): void {
  if (name === '--retries') {
    if (!/^\d{1,9}$/.test(value)) throw invalid(`bad value for --retries: ${value}`)
    config.Retries = Number(value)
    return
  }
  const field = durations[name as keyof typeof durations]
  if (!field) throw invalid(`Unknown flag: ${name.slice(2)}`)
  config[field] = nanoseconds(value)
}

const units: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }

function nanoseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(part => part[0]).join('') !== text)
    throw invalid(`time: invalid duration "${text}"`)
  return Math.round(parts.reduce((sum, [, count, unit = 's']) => sum + Number(count) * (units[unit] ?? 0), 0))
}
