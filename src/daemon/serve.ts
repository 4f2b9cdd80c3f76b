// The daemon's life: takes its roots, brings up the engine and serves the API until a signal ends it.

import type { Engine } from '../container/engine.ts'
import { createLog } from '../lib/log.ts'
import { Meta } from '../state/meta.ts'
import { composeEngine } from './compose.ts'
import type { Config } from './config.ts'
import { ApiServer } from './http/server.ts'
import { describeAddress } from './http/listen.ts'
import { listenAddresses } from './listeners.ts'
import { engineOptions } from './options.ts'
import { makePrivate } from './private-root.ts'
import { containerHandlers } from './routes/container.ts'
import { execHandlers } from './routes/exec.ts'
import { fileHandlers } from './routes/files.ts'
import { imageHandlers } from './routes/image.ts'
import { networkHandlers } from './routes/network.ts'
import { systemHandlers } from './routes/system.ts'
import { volumeHandlers } from './routes/volume.ts'
import { claim } from './tenancy.ts'
import { gantryVersion } from '../lib/version.ts'

/** Runs the daemon until a signal ends it. Containers run on. `notices` are for the log. */
export async function serve(config: Config, notices: readonly string[]): Promise<void> {
  const log = createLog(config.logLevel)
  for (const notice of notices) log.info({}, notice)
  await using undo = new AsyncDisposableStack()
  // What the configuration cannot mean is told before anything is touched.
  const options = engineOptions(config)
  undo.use(claim(config))
  undo.use(makePrivate(config.execRoot))
  const engine = await composeEngine(options, log, undo)
  const server = undo.use(new ApiServer({ handlers: handlersOf(engine, config), log, version: gantryVersion() }))
  const addresses = listenAddresses(config, process.env)
  for (const address of addresses) await server.listen(address, config.tls)
  const runtime = engine.runtimes.get('')
  for (const warning of runtime.warnings) log.warn({ runtime: runtime.name }, warning)
  const where = addresses.map(describeAddress).join(', ')
  log.info({ version: gantryVersion(), runtime: `${runtime.name} ${runtime.version}` }, `API listen on ${where}`)
  await stopSignal()
  log.info({}, 'Stopping; containers run on')
}

function handlersOf(engine: Engine, config: Config) {
  const engineId = new Meta(engine.database).ensure('engine-id', () => crypto.randomUUID())
  const info = { debug: config.debug, labels: config.labels, engineId, warnings: [] }
  return {
    ...systemHandlers(engine, info),
    ...containerHandlers(engine),
    ...fileHandlers(engine),
    ...execHandlers(engine),
    ...imageHandlers(engine),
    ...networkHandlers(engine),
    ...volumeHandlers(engine),
  }
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve())
  return promise
}
