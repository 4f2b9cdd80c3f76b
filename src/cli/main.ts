// The `gantry` program: finds the verb, runs it, and turns what fails into one message and an exit code.

import { Client } from '../client/client.ts'
import { addressFromEnvironment } from '../client/address.ts'
import { readCredentials } from '../client/tls.ts'
import { messageOf } from '../lib/errors.ts'
import { describeFailure } from './each.ts'
import { type FlagValues, UsageError, flag, helpText, parseFlags } from './flags.ts'
import { type Context, PlainFailure, type Verb } from './verb.ts'
import { findVerb, isGroup, verbs } from './verbs.ts'

const globalFlags = [
  flag('config', 'text', 'Location of client config files (default "~/.docker")'),
  flag('host', 'text', 'Address of the engine: unix:///path or tcp://host:port', 'H'),
  flag('tls', 'bool', 'Use TLS; implied by --tlsverify'),
  flag('tlsverify', 'bool', 'Use TLS and verify the remote'),
  flag('tlscacert', 'text', 'Trust certs signed only by this CA'),
  flag('tlscert', 'text', 'Path to TLS certificate file'),
  flag('tlskey', 'text', 'Path to TLS key file'),
  flag('debug', 'bool', 'Print what caused an error', 'D'),
  flag('version', 'bool', 'Print version information and quit', 'v'),
]

async function main(argv: readonly string[]): Promise<number> {
  const { flags, operands, help } = parseFlags(argv, globalFlags, true)
  const [name, rest] = splitName(operands)
  if (flags.bool('version')) return print(`Gantry version ${await ownVersion()}\n`)
  if (help || name === undefined) return print(overview())
  const found = findVerb(name)
  if (!found && isGroup(name)) return groupless(name, rest)
  if (!found) return fail(`gantry: unknown command: gantry ${name}\n\nRun 'gantry --help' for more information`, 1)
  const { verb } = await found.entry.load()
  return runVerb(found.name, verb, rest, flags)
}

// A verb may have two words, such as `system df`.
function splitName([name, second, ...rest]: readonly string[]): [string | undefined, readonly string[]] {
  const both = `${name} ${second}`
  if (findVerb(both)) return [both, rest]
  return [name, second === undefined ? [] : [second, ...rest]]
}

// A group alone tells its verbs; one that it does not have is an error.
function groupless(group: string, [second]: readonly string[]): number {
  if (second === undefined || second === '--help') return print(groupHelp(group))
  const sentence = `gantry: unknown command: gantry ${group} ${second}`
  // As docker has it.
  const usage = ['checkpoint', 'container', 'image', 'network'].includes(group) ? group : `${group} COMMAND`
  return fail(`${sentence}\n\nUsage:  gantry ${usage}\n\nRun 'gantry ${group} --help' for more information`, 1)
}

async function runVerb(name: string, verb: Verb, argv: readonly string[], globals: FlagValues) {
  try {
    const { flags, operands, help } = parseFlags(argv, verb.flags, verb.stopAtOperand ?? false)
    if (help) return print(helpOf(name, verb))
    checkOperands(name, verb, operands.length)
    using client = clientFor(globals)
    const context: Context = {
      client,
      stdin: process.stdin,
      stdout: process.stdout,
      stderr: process.stderr,
      env: environment(globals),
    }
    return await verb.run(context, flags, operands)
  } catch (error) {
    if (error instanceof UsageError) return fail(usageMessage(name, verb, error), error.exitCode)
    if (error instanceof PlainFailure) return fail(error.message, 1)
    if (globals.bool('debug')) console.error(error)
    const { exitCode, named } = verb.failure ?? { exitCode: 1, named: false }
    const hint = named ? `\n\nRun 'gantry ${name} --help' for more information` : ''
    return fail(`${named ? 'gantry: ' : ''}${describeFailure(error)}${hint}`, exitCode)
  }
}

function environment(globals: FlagValues): Context['env'] {
  const directory = globals.text('config')
  return directory === undefined ? process.env : { ...process.env, DOCKER_CONFIG: directory }
}

function clientFor(globals: FlagValues): Client {
  const wishes = {
    use: globals.bool('tls'),
    verify: globals.bool('tlsverify'),
    authority: globals.text('tlscacert'),
    certificate: globals.text('tlscert'),
    key: globals.text('tlskey'),
  }
  const address = globals.text('host') ?? addressFromEnvironment(process.env)
  return new Client(address, readCredentials(wishes, process.env))
}

function checkOperands(name: string, { operands: { min, max } }: Verb, count: number) {
  if (count >= min && count <= max) return
  let takes = min === 0 ? `requires at most ${counted(max)}` : `requires at least ${counted(min)}`
  if (Number.isFinite(max) && min > 0) takes = `requires at least ${min} and at most ${counted(max)}`
  if (max === 0) takes = 'accepts no arguments'
  else if (min === max) takes = `requires ${counted(min)}`
  // What docker's CLI says differs by the kind of check.
  throw new UsageError(`gantry: 'gantry ${name}' ${takes}`, 1, takes.includes('least') && max > min + 1 ? 'See' : 'Run')
}

const counted = (number: number) => `${number} argument${number === 1 ? '' : 's'}`

function usageMessage(name: string, verb: Verb, error: UsageError): string {
  return `${error.message}\n\nUsage:  gantry ${name} ${verb.usage}\n\n${error.hint} 'gantry ${name} --help' for more information`
}

function helpOf(name: string, verb: Verb): string {
  return helpText(`${name} ${verb.usage}`, verb.summary, verb.flags)
}

function groupHelp(group: string): string {
  const own = Object.entries(verbs).filter(([name]) => name.startsWith(`${group} `))
  const lines = own.map(([name, { summary }]) => `  ${name.slice(group.length + 1).padEnd(11)} ${summary}`)
  const more = `Run 'gantry ${group} COMMAND --help' for more information on a command.`
  return `Usage:  gantry ${group} COMMAND\n\nCommands:\n${lines.join('\n')}\n\n${more}\n`
}

function overview(): string {
  const lines = Object.entries(verbs).map(([name, { summary }]) => `  ${name.padEnd(17)} ${summary}`)
  const head = helpText('[OPTIONS] COMMAND', 'Runs containers through the Engine API', globalFlags)
  return `${head}\nCommands:\n${lines.join('\n')}\n\nRun 'gantry COMMAND --help' for more information on a command.\n`
}

async function ownVersion(): Promise<string> {
  const { gantryVersion } = await import('../lib/version.ts')
  return gantryVersion()
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

function fail(message: string, exitCode: number): number {
  process.stderr.write(`${message}\n`)
  return exitCode
}

// A reader that goes away, as `head` does, ends the program quietly.
process.stdout.on('error', error => process.exit('code' in error && error.code === 'EPIPE' ? 0 : 1))

const exitCode = await main(process.argv.slice(2)).catch(failGlobally)
await Promise.all([process.stdout, process.stderr].map(flushed))
// Said outright: an open standard input would keep the program waiting.
process.exit(exitCode)

// A reader that is slower than the engine leaves a part of what was written in this process.
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  stream.write('', () => resolve())
  return promise
}

function failGlobally(error: unknown): number {
  const hint = error instanceof UsageError ? "\n\nRun 'gantry --help' for more information" : ''
  return fail(messageOf(error) + hint, 125)
}
