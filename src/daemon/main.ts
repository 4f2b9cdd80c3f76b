// gantryd: reads its command line and configuration, and does what they say.

import { kindOf, messageOf } from '../lib/errors.ts'
import { gantryVersion } from '../lib/version.ts'
import { type Command, type Configured, loadConfig } from './config.ts'

function configure(): Configured {
  const command = loadConfig(process.argv.slice(2))
  if (command.kind !== 'run') throw new TypeError(`A daemon does not run with --${command.kind}`)
  return command
}

async function follow(command: Command): Promise<void> {
  if (command.kind === 'help') process.stdout.write(command.text)
  else if (command.kind === 'version') process.stdout.write(`Gantry version ${gantryVersion()}\n`)
  else if (command.kind === 'validated') {
    const { engineOptions } = await import('./options.ts')
    engineOptions(command.config)
    process.stdout.write('configuration OK\n')
  } else {
    // Only now: what is wrong with a flag can be said without an engine.
    const { serve } = await import('./serve.ts')
    await serve(command, configure)
    await exit()
  }
}

// A process ends once its threads have done what they are at: a name server that is silent would keep it for its own time.
async function exit(): Promise<never> {
  if (process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap')) {
    const { exitAtOnce } = await import('../kernel/exit.ts')
    exitAtOnce(0)
  }
  process.exit(0)
}

// A mistake in the configuration is one that the help helps with.
function fail(error: unknown): never {
  const hint = kindOf(error) === 'invalid' ? "See 'gantryd --help'.\n" : ''
  process.stderr.write(`gantryd: ${messageOf(error)}\n${hint}`)
  process.exit(1)
}

try {
  await follow(loadConfig(process.argv.slice(2)))
} catch (error) {
  fail(error)
}
