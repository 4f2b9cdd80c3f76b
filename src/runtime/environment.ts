// The environment of a container's process.

import type { ProcessRequest } from './request.ts'

export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The environment of the container's process, or of an exec if `request` has the exec's Tty and its variables last:
 * PATH, HOSTNAME and, with a terminal, TERM, then what the request says; an entry without `=` removes a variable.
 * HOME is the user's unless it was given: left out, the runtime would read the container's passwd file for it.
 */
export function environmentOf(request: ProcessRequest, home: string): string[] {
  const variables = new Map([['PATH', defaultPath]])
  variables.set('HOSTNAME', request.Hostname ?? '')
  if (request.Tty) variables.set('TERM', 'xterm')
  overlay(variables, request.Env ?? [])
  if (!variables.has('HOME')) variables.set('HOME', home)
  return [...variables].map(([name, value]) => `${name}=${value}`)
}

function overlay(variables: Map<string, string>, entries: readonly string[]) {
  for (const entry of entries) {
    const at = entry.indexOf('=')
    if (at < 0) variables.delete(entry)
    else variables.set(entry.slice(0, at), entry.slice(at + 1))
  }
}
