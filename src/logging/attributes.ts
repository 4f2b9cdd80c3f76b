// Labels and environment variables that go with each line: labels, labels-regex, env, env-regex.

import { createContext, runInContext } from 'node:vm'
import { invalid } from '../lib/errors.ts'
import type { LogOptions, LogSubject } from './subject.ts'

/** The options that choose them. */
export const attributeOptions = ['labels', 'labels-regex', 'env', 'env-regex'] as const

/**
 * The chosen labels and variables, their names changed by `rename`. Throws invalid for a pattern that is none, or takes
 * too long.
 */
export function attributesOf(
  options: LogOptions,
  { labels, env }: LogSubject,
  rename: (name: string) => string = name => name,
): Record<string, string> {
  const variables = Object.fromEntries(env.filter(text => text.includes('=')).map(splitAssignment))
  const names = [
    ...chosen(options.labels, options['labels-regex'], labels),
    ...chosen(options.env, options['env-regex'], variables),
  ]
  return Object.fromEntries(names.map(([name, value]) => [rename(name), value]))
}

function splitAssignment(text: string): [string, string] {
  const at = text.indexOf('=')
  return [text.slice(0, at), text.slice(at + 1)]
}

function chosen(list: string | undefined, pattern: string | undefined, values: Readonly<Record<string, string>>) {
  const listed = (list ?? '').split(',').filter(name => Object.hasOwn(values, name))
  const matched = pattern ? matching(pattern, Object.keys(values)) : []
  return [...listed, ...matched].map((name): [string, string] => [name, values[name] ?? ''])
}

/** Milliseconds: more than any honest pattern takes, little enough not to be felt. */
const patience = 50

/**
 * Those of `names` that a pattern of Go's finds something in. Go's patterns take linear time and these don't: they come
 * from clients, so they run with a time limit. Throws invalid.
 */
function matching(pattern: string, names: readonly string[]): string[] {
  const expression = parsePattern(pattern)
  const context = createContext({ expression, names, found: [] })
  try {
    runInContext('found = names.filter(name => expression.test(name))', context, { timeout: patience })
    return [...context['found']]
  } catch (cause) {
    throw invalid(`the pattern ${JSON.stringify(pattern)} takes too long`, { cause })
  }
}

function parsePattern(pattern: string): RegExp {
  const [, flags = '', body = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(pattern) ?? []
  try {
    return new RegExp(body.replaceAll('(?P<', '(?<'), `u${flags}`)
  } catch (cause) {
    throw invalid(`error parsing regexp: ${JSON.stringify(pattern)} is not a regular expression`, { cause })
  }
}
