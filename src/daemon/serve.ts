// The daemon's life: takes its roots, brings up the engine and serves the API until a signal ends it.

import { writeFileSync } from 'node:fs'
import { ApiVersion, newestApiVersion } from '../api/version.ts'
import { messageOf, system } from '../lib/errors.ts'
import { type Log, createLog } from '../lib/log.ts'
import { composeEngine } from './compose.ts'
import type { Configured } from './config.ts'
import { EmbeddedRegistry } from './embedded-registry.ts'
import { onHangup } from './hangup.ts'
import { ApiServer } from './http/server.ts'
import { describeAddress } from './http/listen.ts'
import { systemInfo } from './info.ts'
import { listenAddresses } from './listeners.ts'
import { engineOptions } from './options.ts'
import type { Metrics } from './metrics.ts'
import { makePrivate } from './private-root.ts'
import { RunningDaemon } from './reload.ts'
import { checkpointHandlers } from './routes/checkpoint.ts'
import { containerHandlers } from './routes/container.ts'
import { execHandlers } from './routes/exec.ts'
import { fileHandlers } from './routes/files.ts'
import { imageHandlers } from './routes/image.ts'
import { networkHandlers } from './routes/network.ts'
import { systemHandlers } from './routes/system.ts'
import { volumeHandlers } from './routes/volume.ts'
import { ServiceManager } from './service-manager.ts'
import { claim } from './tenancy.ts'
import { gantryVersion } from '../lib/version.ts'

/** Runs the daemon until a signal ends it. Containers run on. `load` reads the configuration again, for a reload. */
export async function serve(configured: Configured, load: () => Configured): Promise<void> {
  const { config } = configured
  const log = createLog(config.logLevel)
  for (const notice of configured.notices) log.info({}, notice)
  await using undo = new AsyncDisposableStack()
  const manager = undo.use(new ServiceManager(process.env, log))
  // What the configuration cannot mean is told before anything is touched.
  const options = engineOptions(config)
  const addresses = listenAddresses(config, manager.sockets)
  if (config.oomScoreAdjust !== 0) adjustOomScore(config.oomScoreAdjust)
  undo.use(claim(config))
  undo.use(makePrivate(config.execRoot))
  const { engine, reconfigure } = await composeEngine(options, log, undo)
  const daemon = new RunningDaemon({ engine, reconfigure, log, manager, config, load })
  // Before it is served, so that whoever sees it served can have it reload.
  const registry = undo.use(EmbeddedRegistry.start(config.embeddedRegistry, log))
  undo.use(
    onHangup(() => {
      registry?.reload()
      return daemon.reload()
    }),
  )
  const metrics = undo.use(await startMetrics(daemon, config.metricsAddress, log))
  const handlers = handlersOf(daemon)
  const server = undo.use(
    new ApiServer({
      handlers: metrics?.timing(handlers) ?? handlers,
      log,
      version: gantryVersion(),
      experimental: config.experimental,
    }),
  )
  for (const address of addresses) await server.listen(address, config.tls)
  const runtime = engine.runtimes.get('')
  for (const warning of runtime.warnings) log.warn({ runtime: runtime.name }, warning)
  const where = addresses.map(describeAddress).join(', ')
  log.info({ version: gantryVersion(), runtime: `${runtime.name} ${runtime.version}` }, `API listen on ${where}`)
  manager.ready()
  await stopSignal()
  manager.stopping()
  log.info({}, 'Stopping; containers run on')
}

async function startMetrics(daemon: RunningDaemon, address: string, log: Log): Promise<Metrics | undefined> {
  if (address === '') return undefined
  // Only who wants metrics waits for their library to be loaded.
  const { Metrics: Loaded } = await import('./metrics.ts')
  const metrics = new Loaded(daemon.engine, await systemInfo(daemon.engine, daemon, new ApiVersion(newestApiVersion)))
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  await metrics.listen({ host, port: Number(address.slice(colon + 1)) }, log)
  return metrics
}

function handlersOf(daemon: RunningDaemon) {
  const { engine } = daemon
  return {
    ...systemHandlers(engine, daemon),
    ...containerHandlers(engine),
    ...checkpointHandlers(engine),
    ...fileHandlers(engine),
    ...execHandlers(engine),
    ...imageHandlers(engine),
    ...networkHandlers(engine),
    ...volumeHandlers(engine),
  }
}

function adjustOomScore(score: number) {
  try {
    writeFileSync('/proc/self/oom_score_adj', String(score))
  } catch (cause) {
    throw system(`--oom-score-adjust ${score} cannot be set: ${messageOf(cause)}`, { cause })
  }
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve())
  return promise
}
