// Which flags of the stock client's commands the scenarios use.

import { output } from '../kit/command.ts'

/** A flag as `docker COMMAND --help` lists it. */
interface Flag {
  readonly name: string
  readonly short?: string
  readonly takesValue: boolean
}

/** A command of the client's by its full name, `container run`. */
export interface Command {
  readonly name: string
  readonly flags: readonly Flag[]
}

// What the client also takes for a command of a group.
const shortForms: Readonly<Record<string, string>> = {
  ps: 'container ls',
  'container list': 'container ls',
  'container ps': 'container ls',
  inspect: 'container inspect',
  info: 'system info',
  events: 'system events',
}

// Arguments after the first that is no flag are not the client's.
const endsAtFirstArgument = new Set(['container run', 'container create', 'container exec', 'container top'])

/** All commands of a group of the client's, with their flags. */
export async function commandsOf(group: string): Promise<Command[]> {
  const help = await output(['docker', group, '--help'])
  const listed = help.slice(help.indexOf('Commands:')).matchAll(/^ {2}([a-z-]+) /gm)
  return await Promise.all(
    [...listed].map(async ([, command = '']) => ({
      name: `${group} ${command}`,
      flags: flagsIn(await output(['docker', group, command, '--help'])),
    })),
  )
}

function flagsIn(help: string): Flag[] {
  return [...help.matchAll(/^ {2,6}(?:-(\w), )? *--([\w-]+)(?: (\w+))? {2,}/gm)].map(([, short, name = '', value]) => ({
    name,
    takesValue: value !== undefined,
    ...(short === undefined ? {} : { short }),
  }))
}

/** The flags that shell commands give to `command`, by their long names. */
export function usedFlags(command: Command, scripts: readonly string[]): Set<string> {
  const used = new Set<string>()
  for (const words of scripts.flatMap(invocations)) {
    const rest = argumentsFor(command.name, words)
    if (rest) for (const flag of flagsGiven(command, rest)) used.add(flag)
  }
  return used
}

/** Whether any of the shell commands calls `command`. */
export function isUsed(command: Command, scripts: readonly string[]): boolean {
  return scripts.flatMap(invocations).some(words => argumentsFor(command.name, words) !== undefined)
}

function argumentsFor(name: string, [first = '', second = '', ...rest]: readonly string[]): string[] | undefined {
  const [, short] = name.split(' ')
  if (`${first} ${second}` === name || shortForms[`${first} ${second}`] === name) return rest
  if (shortForms[first] === name || (name.startsWith('container ') && first === short)) return [second, ...rest]
  return undefined
}

function* flagsGiven({ name, flags }: Command, words: readonly string[]): Generator<string> {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') return
    if (!/^-[\w-]/.test(word)) {
      if (endsAtFirstArgument.has(name)) return
      continue
    }
    const [given = ''] = word.split('=', 1)
    const found = given.startsWith('--') ? flags.filter(flag => `--${flag.name}` === given) : shortFlags(flags, given)
    for (const flag of found) yield flag.name
    const last = found.at(-1)
    if (last?.takesValue && !word.includes('=') && (given.startsWith('--') || given.endsWith(last.short ?? ''))) at++
  }
}

// `-it` is two flags; in `-n1` the rest is the value of the first.
function shortFlags(flags: readonly Flag[], word: string): Flag[] {
  const found: Flag[] = []
  for (const letter of word.slice(1)) {
    const flag = flags.find(({ short }) => short === letter)
    if (!flag) break
    found.push(flag)
    if (flag.takesValue) break
  }
  return found
}

/** The words after each `docker` of a shell script: quotes keep together, separators end. */
function invocations(script: string): string[][] {
  const words = script.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|\$\((?!docker)|[^\s;|&()"'])+|[;|&()]/g) ?? []
  const found: string[][] = []
  let open: string[] | undefined
  for (const word of words) {
    if (/(?:^|[($`])docker$/.test(word)) found.push((open = []))
    else if (/^[;|&()]$/.test(word)) open = undefined
    else open?.push(word)
  }
  return [...found, ...nested(script)]
}

// Within double quotes a command may be substituted: "$(docker inspect …)".
function nested(script: string): string[][] {
  return [...script.matchAll(/"\$\((docker [^)]*)\)"/g)].flatMap(([, inner = '']) => invocations(inner))
}
