// Every flag of the client's commands for containers, the system and events is in a scenario, or is listed here with a reason.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { type Command, commandsOf, isUsed, usedFlags } from './coverage.ts'
import { areas } from './scenarios/index.ts'

// The two take the same flags and make the same request of them.
const alike = ['container run', 'container create']

const exceptions: Readonly<Record<string, string>> = {
  'container run --help': 'the client’s own',
  'container run --disable-content-trust': 'the client’s own, and without effect unless it signs',
  'container run --use-api-socket': 'the client’s own: a bind mount of the socket it uses',
  'container run --annotation': 'dockerd is too old for it here; test/e2e/recreate.test.ts',
  'container run --health-start-interval': 'dockerd is too old for it here; test/e2e/health.test.ts',
  'container start --checkpoint': 'needs CRIU; test/e2e/checkpoint.test.ts',
  'container start --checkpoint-dir': 'needs CRIU; test/e2e/checkpoint.test.ts',
  'container rm --link': 'there are no links yet',
}

const scripts = Object.values(areas).flatMap(scenarios => Object.values(scenarios).flat())

test('every flag of docker container and docker system is in a scenario', async () => {
  const commands = (await Promise.all(['container', 'system'].map(commandsOf))).flat()
  // What the client says of itself is read right: it has at least as many as version 20.10.
  assert.ok(commands.length > 25 && commands.flatMap(({ flags }) => flags).length > 250)
  const missing = commands.filter(({ name }) => name !== 'container create').flatMap(missingOf)
  assert.deepEqual(missing.toSorted(), Object.keys(exceptions).toSorted())
})

function missingOf(command: Command): string[] {
  if (!isUsed(command, scripts)) return [command.name]
  const names = alike.includes(command.name) ? alike : [command.name]
  const used = names.map(name => usedFlags({ ...command, name }, scripts)).reduce((all, some) => all.union(some))
  return command.flags.filter(flag => !used.has(flag.name)).map(flag => `${command.name} --${flag.name}`)
}
