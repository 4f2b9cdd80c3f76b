// The verbs there are. Each is loaded when it is used: starting must not cost what is not needed.

import type { Verb } from './verb.ts'

interface Entry {
  readonly summary: string
  load(): Promise<{ readonly verb: Verb }>
}

export const verbs: Readonly<Record<string, Entry>> = {
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
  load: { summary: 'Load an image from a tar archive or STDIN', load: () => import('./commands/load.ts') },
  import: {
    summary: 'Import the contents from a tarball to create a filesystem image',
    load: () => import('./commands/import.ts'),
  },
  tag: { summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE', load: () => import('./commands/tag.ts') },
  rmi: { summary: 'Remove one or more images', load: () => import('./commands/rmi.ts') },
  stats: {
    summary: 'Display a live stream of container(s) resource usage statistics',
    load: () => import('./commands/stats.ts'),
  },
  events: { summary: 'Get real time events from the server', load: () => import('./commands/events.ts') },
  'container prune': { summary: 'Remove all stopped containers', load: () => import('./commands/container-prune.ts') },
  'image prune': { summary: 'Remove unused images', load: () => import('./commands/image-prune.ts') },
  'volume prune': { summary: 'Remove unused local volumes', load: () => import('./commands/volume-prune.ts') },
  'system prune': { summary: 'Remove unused data', load: () => import('./commands/system-prune.ts') },
  'system df': { summary: 'Show docker disk usage', load: () => import('./commands/system-df.ts') },
  'system events': { summary: 'Get real time events from the server', load: () => import('./commands/events.ts') },
  'system info': { summary: 'Display system-wide information', load: () => import('./commands/info.ts') },
  'registry serve': {
    summary: 'Serve an OCI registry from a directory',
    load: () => import('./commands/registry-serve.ts'),
  },
  version: { summary: 'Show the Gantry version information', load: () => import('./commands/version.ts') },
  info: { summary: 'Display system-wide information', load: () => import('./commands/info.ts') },
}
