// The registry's configuration: a YAML file, with flags that count more. Whatever it has that is not known is refused.

import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parse } from 'yaml'
import { messageOf } from '../lib/errors.ts'
import { parseDecimalSize } from '../lib/size.ts'
import { type Action, type Rule } from './auth/rights.ts'
import { checkHash, parseHtpasswd } from './auth/users.ts'
import type { CacheRule } from './cache/remotes.ts'
import type { QuotaRule } from './quotas.ts'
import type { RetentionRule } from './retention.ts'
import type { S3Config } from './s3/client.ts'
import { readS3 } from './s3/config.ts'
import { Section } from './section.ts'

export interface AccessConfig {
  readonly users: ReadonlyMap<string, string>
  readonly groups: ReadonlyMap<string, ReadonlySet<string>>
  readonly rules: readonly Rule[]
}

export interface TlsConfig {
  /** Paths of PEM files. */
  readonly certificate: string
  readonly key: string
  /** Authorities of which clients must have a certificate; undefined if they need none. */
  readonly clientCa: string | undefined
}

export interface RegistryConfig {
  /** Where the content is, unless it is in an object store. */
  readonly root: string
  readonly s3: S3Config | undefined
  /** `HOST:PORT`. */
  readonly listen: string
  /** Where clients reach it, if that is not what they say. */
  readonly url: string | undefined
  /** Names the registry in tokens. */
  readonly service: string
  readonly tls: TlsConfig | undefined
  /** Undefined: everyone who reaches it may do everything. */
  readonly access: AccessConfig | undefined
  readonly collection: CollectionConfig
  readonly retention: readonly RetentionRule[]
  readonly quotas: readonly QuotaRule[]
  readonly cache: readonly CacheRule[]
  /** A file, or `-` for standard output; undefined for no access log. */
  readonly accessLog: string | undefined
  /** `HOST:PORT` to serve metrics at; undefined for none. */
  readonly metrics: string | undefined
}

/** When garbage is collected; milliseconds. */
export interface CollectionConfig {
  /** 0: never. */
  readonly every: number
  /** What is younger stays. */
  readonly grace: number
}

/** What flags say; undefined for those that were not given. */
export interface RegistryFlags {
  readonly config?: string | undefined
  readonly root?: string | undefined
  readonly listen?: string | undefined
  readonly htpasswd?: string | undefined
  readonly 'tls-cert'?: string | undefined
  readonly 'tls-key'?: string | undefined
  readonly 'tls-client-ca'?: string | undefined
}

const settings = [
  'root',
  's3',
  'listen',
  'url',
  'service',
  'tls',
  'htpasswd',
  'users',
  'groups',
  'access',
  'collection',
]
const defaults = { root: '/var/lib/gantry-registry', listen: '127.0.0.1:5000', service: 'gantry-registry' }

/** Reads the file that the flags name, if they do, and what it leads to. Throws a sentence that says what is wrong where. */
export function readConfig(flags: RegistryFlags): RegistryConfig {
  const file = flags.config === undefined ? new Section({}, '', settings) : readFile(flags.config)
  const near = (path: string) => resolve(flags.config === undefined ? '.' : dirname(flags.config), path)
  const fromFile = (name: string) => mapped(file.text(name), near)
  const tls = file.section('tls', ['certificate', 'key', 'client-ca'])
  const pem = (name: string, flag: string | undefined) => flag ?? mapped(tls.text(name), near)
  const certificate = pem('certificate', flags['tls-cert'])
  const key = pem('key', flags['tls-key'])
  const clientCa = pem('client-ca', flags['tls-client-ca'])
  if ((certificate === undefined) !== (key === undefined)) throw new Error('TLS needs both a certificate and its key')
  if (clientCa !== undefined && certificate === undefined)
    throw new Error('client-ca needs a certificate and a key, too')
  const config = {
    root: flags.root ?? fromFile('root') ?? defaults.root,
    s3: readS3(file.section('s3'), process.env),
    listen: flags.listen ?? file.text('listen') ?? defaults.listen,
    url: file.text('url')?.replace(/\/+$/, ''),
    service: file.text('service') ?? defaults.service,
    tls: certificate !== undefined && key !== undefined ? { certificate, key, clientCa } : undefined,
    access: readAccess(file, flags.htpasswd ?? fromFile('htpasswd')),
    collection: readCollection(file.section('collection', ['every', 'grace'])),
    retention: file.sections('retention').map(readRetention),
    quotas: file.sections('quotas').map(readQuota),
    cache: distinct(file.sections('cache').map(readCache)),
    accessLog: file.text('access-log') === '-' ? '-' : fromFile('access-log'),
    metrics: file.text('metrics'),
  }
  tls.finish()
  file.finish()
  if (config.s3 && (flags.root !== undefined || file.text('root') !== undefined))
    throw new Error('the content is either below root or in s3: name one of them')
  if (config.url !== undefined && !/^https?:\/\/[^/]+$/.test(config.url)) {
    throw new Error(`url: expected one such as https://registry.example.org, not ${JSON.stringify(config.url)}`)
  }
  return config
}

function readCollection(section: Section): CollectionConfig {
  const config = { every: section.duration('every') ?? 24 * hour, grace: section.duration('grace') ?? 24 * hour }
  section.finish()
  if (config.grace < hour)
    throw new Error(`${section.path}.grace: expected an hour at least, for the time that a push takes`)
  return config
}

function readRetention(section: Section): RetentionRule {
  const rule = {
    repository: section.text('repository') ?? '**',
    tags: section.list('tags'),
    keep: section.count('keep'),
    olderThan: section.duration('older-than'),
    untagged: section.duration('untagged'),
  }
  section.finish()
  if (rule.keep === undefined && rule.olderThan === undefined && rule.untagged === undefined)
    throw new Error(`${section.path}: expected keep, older-than or untagged; without any, everything stays`)
  return rule.tags.length > 0 ? rule : { ...rule, tags: ['**'] }
}

function readQuota(section: Section): QuotaRule {
  const text = section.text('size')
  if (text === undefined) throw new Error(`${section.path}.size: expected one such as 10GB`)
  const rule = {
    repository: section.text('repository') ?? '**',
    each: section.flag('each'),
    bytes: parseDecimalSize(text),
  }
  section.finish()
  return rule
}

function distinct(rules: readonly CacheRule[]): readonly CacheRule[] {
  const again = rules.findIndex(({ prefix }, index) => rules.findIndex(rule => rule.prefix === prefix) < index)
  if (again === -1) return rules
  throw new Error(`cache[${again}].prefix: ${JSON.stringify(rules[again]?.prefix)} is that of another cache already`)
}

function readCache(section: Section): CacheRule {
  const remote = section.text('remote') ?? ''
  if (!/^(?:\[[0-9a-f:]+\]|[\w.-]+)(?::\d{1,5})?$/.test(remote))
    throw new Error(
      `${section.path}.remote: expected a registry's host such as docker.io, not ${JSON.stringify(remote)}`,
    )
  const rule = {
    prefix: (section.text('prefix') ?? '').replace(/^\/+|\/+$/g, ''),
    remote,
    username: section.text('username'),
    password: section.text('password'),
    insecure: section.flag('insecure'),
    fresh: section.duration('fresh') ?? 10 * minute,
    wait: section.duration('wait') ?? 10_000,
    keep: section.duration('keep'),
  }
  section.finish()
  if (!/^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/(?!$)|$))*$/.test(rule.prefix))
    throw new Error(
      `${section.path}.prefix: expected the beginning of repositories' names, not ${JSON.stringify(rule.prefix)}`,
    )
  if (rule.password !== undefined && rule.username === undefined)
    throw new Error(`${section.path}.password: expected a username, too`)
  if (rule.keep !== undefined && rule.keep < 2 * hour)
    throw new Error(`${section.path}.keep: expected two hours at least, since uses are noted by the hour`)
  return rule
}

const minute = 60_000
const hour = 3_600_000

const mapped = <T, R>(value: T | undefined, body: (value: T) => R): R | undefined =>
  value === undefined ? undefined : body(value)

function readFile(path: string): Section {
  try {
    const value: unknown = parse(readFileSync(path, 'utf8')) ?? {}
    return new Section(value, '', settings)
  } catch (cause) {
    throw new Error(`${path}: ${messageOf(cause)}`, { cause })
  }
}

function readAccess(file: Section, htpasswd: string | undefined): AccessConfig | undefined {
  const users = new Map(htpasswd === undefined ? [] : readHtpasswd(htpasswd))
  for (const [name, hash] of file.texts('users')) users.set(name, checkHash(hash, `users.${name}`))
  const groups = new Map(file.lists('groups').map(([name, members]) => [name, new Set(members)] as const))
  const rules = file.sections('access').map(readRule)
  const isOpen = htpasswd === undefined && users.size === 0 && rules.length === 0 && groups.size === 0
  if (isOpen) return undefined
  for (const [name, members] of groups) {
    const stranger = [...members].find(member => !users.has(member))
    if (stranger !== undefined) throw new Error(`groups.${name}: there is no user ${stranger}`)
  }
  for (const [index, rule] of rules.entries()) checkRule(rule, `access[${index}]`, users, groups)
  return { users, groups, rules }
}

function readHtpasswd(path: string): Map<string, string> {
  try {
    return parseHtpasswd(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Error(`${path}: ${messageOf(cause)}`, { cause })
  }
}

const words: Readonly<Record<string, Action>> = { read: 'pull', write: 'push', delete: 'delete' }

function readRule(section: Section): Rule {
  const allow = section.list('allow').map(word => {
    const action = words[word]
    if (action === undefined) throw new Error(`${section.path}.allow: expected read, write or delete, not ${word}`)
    return action
  })
  const rule = {
    repository: section.text('repository') ?? '**',
    users: section.list('users'),
    groups: section.list('groups'),
    anonymous: section.flag('anonymous'),
    allow,
  }
  section.finish()
  return rule
}

function checkRule(
  { users, groups, anonymous, allow }: Rule,
  where: string,
  known: ReadonlyMap<string, string>,
  knownGroups: ReadonlyMap<string, unknown>,
): void {
  if (allow.length === 0) throw new Error(`${where}: allow names nothing; a rule can't forbid, it can only allow`)
  if (users.length + groups.length === 0 && !anonymous) {
    throw new Error(`${where}: expected users, groups, or anonymous: true`)
  }
  const user = users.find(name => name !== '*' && !known.has(name))
  if (user !== undefined) throw new Error(`${where}: there is no user ${user}`)
  const group = groups.find(name => !knownGroups.has(name))
  if (group !== undefined) throw new Error(`${where}: there is no group ${group}`)
}
