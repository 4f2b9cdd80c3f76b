// The program behind `gantry registry serve` and `gantry registry gc`.

import { parseArgs } from 'node:util'
import { messageOf } from '../lib/errors.ts'
import { createLog } from '../lib/log.ts'
import { expiryOf } from './cache/expiry.ts'
import { collectGarbage } from './collector.ts'
import { readConfig } from './config.ts'
import { openStorage } from './open-storage.ts'
import { RunningRegistry, collect } from './registry.ts'
import { Repositories } from './repositories.ts'
import { applyRetention } from './retention.ts'
import { Uploads } from './uploads.ts'

const aText = { type: 'string' } as const
const flagTypes = {
  config: aText,
  root: aText,
  listen: aText,
  htpasswd: aText,
  'tls-cert': aText,
  'tls-key': aText,
  'tls-client-ca': aText,
  'with-parent': { type: 'boolean' },
} as const

async function serve(args: string[]): Promise<void> {
  const { values: flags } = parseArgs({ args, options: flagTypes })
  const log = createLog('info')
  const starting = RunningRegistry.start(readConfig(flags), log)
  // What comes before it runs counts then.
  const whenItRuns = (act: (running: RunningRegistry) => Promise<void>) => () => void starting.then(act, () => {})
  const reload = whenItRuns(running => running.reload(() => readConfig(flags)))
  process.on('SIGHUP', reload)
  process.on(
    'SIGUSR1',
    whenItRuns(running => running.collect()),
  )
  await using _registry = await starting
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve())
  // Input ends with the process that started it, however that ends; a line there is as SIGHUP, though none ends a registry.
  if (flags['with-parent'] === true) process.stdin.once('close', () => resolve()).on('data', reload)
  await promise
  process.stdin.destroy()
}

// On a disk that no registry serves from; or in an object store, whoever serves from it.
async function collectOnce(args: string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args,
    options: { config: aText, root: aText, 'dry-run': { type: 'boolean', default: false } },
  })
  const config = readConfig(flags)
  await using storage = await openStorage(config)
  const repositories = new Repositories(storage)
  if (flags['dry-run']) {
    for (const name of await applyRetention(repositories, [...expiryOf(config.cache), ...config.retention], {
      dryRun: true,
    }))
      print(name)
    const { links, blobs, bytes } = await collectGarbage({ storage, repositories }, config.collection.grace, {
      dryRun: true,
    })
    print(`${blobs} blobs of ${bytes} bytes would go, and ${links} uses of blobs by repositories`)
    return
  }
  const collected = await collect({ storage, repositories, uploads: new Uploads(storage) }, config)
  for (const name of collected.retired) print(name)
  print(
    `${collected.blobs} blobs of ${collected.bytes} bytes went, and ${collected.links} uses of blobs by repositories`,
  )
}

const print = (line: string) => void process.stdout.write(`${line}\n`)

const [verb = 'serve', ...args] = process.argv.slice(2)
try {
  await (verb === 'gc' ? collectOnce(args) : serve(args))
} catch (error) {
  process.stderr.write(`gantry registry ${verb}: ${messageOf(error)}\n`)
  process.exitCode = 1
}
