// The verbs there are. Each is loaded when it is used: starting must not cost what is not needed.

import type { Verb } from './verb.ts'

interface Entry {
  readonly summary: string
  load(): Promise<{ readonly verb: Verb }>
}

const plainVerbs: Readonly<Record<string, Entry>> = {
  run: { summary: 'Create and run a new container from an image', load: () => import('./commands/run.ts') },
  create: { summary: 'Create a new container', load: () => import('./commands/create.ts') },
  exec: { summary: 'Execute a command in a running container', load: () => import('./commands/exec.ts') },
  ps: { summary: 'List containers', load: () => import('./commands/ps.ts') },
  attach: {
    summary: 'Attach local standard input, output, and error streams to a running container',
    load: () => import('./commands/attach.ts'),
  },
  logs: { summary: 'Fetch the logs of a container', load: () => import('./commands/logs.ts') },
  inspect: {
    summary: 'Return low-level information on containers and images',
    load: () => import('./commands/inspect.ts'),
  },
  start: { summary: 'Start one or more stopped containers', load: () => import('./commands/start.ts') },
  stop: { summary: 'Stop one or more running containers', load: () => import('./commands/stop.ts') },
  restart: { summary: 'Restart one or more containers', load: () => import('./commands/restart.ts') },
  kill: { summary: 'Kill one or more running containers', load: () => import('./commands/kill.ts') },
  pause: { summary: 'Pause all processes within one or more containers', load: () => import('./commands/pause.ts') },
  unpause: {
    summary: 'Unpause all processes within one or more containers',
    load: () => import('./commands/unpause.ts'),
  },
  wait: {
    summary: 'Block until one or more containers stop, then print their exit codes',
    load: () => import('./commands/wait.ts'),
  },
  rename: { summary: 'Rename a container', load: () => import('./commands/rename.ts') },
  update: {
    summary: 'Update configuration of one or more containers',
    load: () => import('./commands/update.ts'),
  },
  port: {
    summary: 'List port mappings or a specific mapping for the container',
    load: () => import('./commands/port.ts'),
  },
  top: { summary: 'Display the running processes of a container', load: () => import('./commands/top.ts') },
  rm: { summary: 'Remove one or more containers', load: () => import('./commands/rm.ts') },
  cp: {
    summary: 'Copy files/folders between a container and the local filesystem',
    load: () => import('./commands/cp.ts'),
  },
  diff: {
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: () => import('./commands/diff.ts'),
  },
  export: {
    summary: "Export a container's filesystem as a tar archive",
    load: () => import('./commands/export.ts'),
  },
  commit: { summary: "Create a new image from a container's changes", load: () => import('./commands/commit.ts') },
  images: { summary: 'List images', load: () => import('./commands/images.ts') },
  pull: { summary: 'Download an image from a registry', load: () => import('./commands/pull.ts') },
  push: { summary: 'Upload an image to a registry', load: () => import('./commands/push.ts') },
  login: { summary: 'Authenticate to a registry', load: () => import('./commands/login.ts') },
  logout: { summary: 'Log out from a registry', load: () => import('./commands/logout.ts') },
  load: { summary: 'Load an image from a tar archive or STDIN', load: () => import('./commands/load.ts') },
  import: {
    summary: 'Import the contents from a tarball to create a filesystem image',
    load: () => import('./commands/import.ts'),
  },
  tag: { summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE', load: () => import('./commands/tag.ts') },
  history: { summary: 'Show the history of an image', load: () => import('./commands/history.ts') },
  save: {
    summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    load: () => import('./commands/save.ts'),
  },
  rmi: { summary: 'Remove one or more images', load: () => import('./commands/rmi.ts') },
  stats: {
    summary: 'Display a live stream of container(s) resource usage statistics',
    load: () => import('./commands/stats.ts'),
  },
  events: { summary: 'Get real time events from the server', load: () => import('./commands/events.ts') },
  version: { summary: 'Show the Gantry version information', load: () => import('./commands/version.ts') },
  info: { summary: 'Display system-wide information', load: () => import('./commands/info.ts') },
}

const groupedVerbs: Readonly<Record<string, Entry>> = {
  'checkpoint create': {
    summary: 'Create a checkpoint from a running container',
    load: () => import('./commands/checkpoint-create.ts'),
  },
  'checkpoint ls': {
    summary: 'List checkpoints for a container',
    load: () => import('./commands/checkpoint-ls.ts'),
  },
  'checkpoint rm': { summary: 'Remove a checkpoint', load: () => import('./commands/checkpoint-rm.ts') },
  'container inspect': {
    summary: 'Display detailed information on one or more containers',
    load: () => import('./commands/container-inspect.ts'),
  },
  'container prune': { summary: 'Remove all stopped containers', load: () => import('./commands/container-prune.ts') },
  'image inspect': {
    summary: 'Display detailed information on one or more images',
    load: () => import('./commands/image-inspect.ts'),
  },
  'image prune': { summary: 'Remove unused images', load: () => import('./commands/image-prune.ts') },
  'network inspect': {
    summary: 'Display detailed information on one or more networks',
    load: () => import('./commands/network-inspect.ts'),
  },
  'network ls': { summary: 'List networks', load: () => import('./commands/network-ls.ts') },
  'volume create': { summary: 'Create a volume', load: () => import('./commands/volume-create.ts') },
  'volume inspect': {
    summary: 'Display detailed information on one or more volumes',
    load: () => import('./commands/volume-inspect.ts'),
  },
  'volume ls': { summary: 'List volumes', load: () => import('./commands/volume-ls.ts') },
  'volume prune': { summary: 'Remove unused local volumes', load: () => import('./commands/volume-prune.ts') },
  'volume rm': { summary: 'Remove one or more volumes', load: () => import('./commands/volume-rm.ts') },
  'system prune': { summary: 'Remove unused data', load: () => import('./commands/system-prune.ts') },
  'system df': { summary: 'Show docker disk usage', load: () => import('./commands/system-df.ts') },
  'registry gc': {
    summary: 'Apply the rules of retention and collect the garbage of a registry',
    load: () => import('./commands/registry-gc.ts'),
  },
  'registry serve': {
    summary: 'Serve an OCI registry from a directory',
    load: () => import('./commands/registry-serve.ts'),
  },
}

// Verbs that a group has under the same name.
const members: Readonly<Record<string, readonly string[]>> = {
  container: (
    'attach commit cp create diff exec export kill logs pause port rename restart rm run start stats stop top unpause ' +
    'update wait'
  ).split(' '),
  image: ['history', 'import', 'load', 'pull', 'push', 'save', 'tag'],
  system: ['events', 'info'],
}

// And those that have another one there.
const others: Readonly<Record<string, string>> = {
  'container ls': 'ps',
  'image ls': 'images',
  'image rm': 'rmi',
}

/** Other spellings, which help does not list. */
const aliases: Readonly<Record<string, string>> = {
  'checkpoint list': 'checkpoint ls',
  'checkpoint remove': 'checkpoint rm',
  'container list': 'container ls',
  'container ps': 'container ls',
  'container remove': 'container rm',
  'image list': 'image ls',
  'image remove': 'image rm',
  'network list': 'network ls',
  'volume list': 'volume ls',
  'volume remove': 'volume rm',
}

function entryOf(name: string): Entry {
  const entry = plainVerbs[name]
  if (!entry) throw new Error(`No such verb: ${name}`)
  return entry
}

const sameNames = Object.entries(members).flatMap(([group, names]) =>
  names.map((name): [string, Entry] => [`${group} ${name}`, entryOf(name)]),
)
const otherNames = Object.entries(others).map(([name, plain]): [string, Entry] => [name, entryOf(plain)])

/** All verbs by what one types, the plain ones first. */
export const verbs: Readonly<Record<string, Entry>> = {
  ...plainVerbs,
  ...Object.fromEntries(
    [...Object.entries(groupedVerbs), ...sameNames, ...otherNames].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ),
}

/** The name of the verb that `typed` means, and the verb; undefined if there is none. */
export function findVerb(typed: string): { readonly name: string; readonly entry: Entry } | undefined {
  const name = Object.hasOwn(aliases, typed) ? (aliases[typed] ?? typed) : typed
  const entry = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  return entry && { name, entry }
}

/** True if verbs begin with `word` and another one: `container`. */
export const isGroup = (word: string): boolean => Object.keys(verbs).some(name => name.startsWith(`${word} `))
