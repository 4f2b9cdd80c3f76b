// Handlers of the operations on containers: from the Engine API's words to the container's verbs and back.

import type { Duplex } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import { zero } from '../../api/decode.ts'
import { empty, hijack, json, outputType, stream, webSocket } from '../../api/handler.ts'
import type { Handlers } from '../../api/handler.ts'
import type { containerRoutes } from '../../api/routes/container.ts'
import { ContainerConfig, type ContainerWaitResponse, HostConfig } from '../../api/types/container.ts'
import { attach, checkAttach } from '../../container/attach.ts'
import { clearLog } from '../../container/clear-log.ts'
import { create } from '../../container/create.ts'
import { parseDetachKeys } from '../../container/detach-keys.ts'
import type { Engine } from '../../container/engine.ts'
import { inspect } from '../../container/inspect.ts'
import { kill } from '../../container/kill.ts'
import { list } from '../../container/list.ts'
import { logPath } from '../../container/log-config.ts'
import { checkReadable, checkStreams, openLog, writeLogs } from '../../container/logs.ts'
import type { Exit } from '../../container/model.ts'
import { pause, unpause } from '../../container/pause.ts'
import { prune } from '../../container/prune.ts'
import { remove } from '../../container/remove.ts'
import { rename } from '../../container/rename.ts'
import { sizesOf } from '../../container/sizes.ts'
import { resize } from '../../container/resize.ts'
import { restart } from '../../container/restart.ts'
import { Sampler } from '../../container/stats/sampler.ts'
import { checkStatsQuery, writeStats } from '../../container/stats/stats.ts'
import { start } from '../../container/start.ts'
import { stop } from '../../container/stop.ts'
import { top } from '../../container/top.ts'
import { unframed } from '../../container/unframed.ts'
import { update } from '../../container/update.ts'
import { parseWaitCondition, wait } from '../../container/wait.ts'
import { GantryError, invalid } from '../../lib/errors.ts'
import { parseSignal, parseSignalToSend } from '../../kernel/signals.ts'

type ContainerHandlers = Pick<Handlers, keyof typeof containerRoutes>

/** A handler for each operation on containers. */
export function containerHandlers(engine: Engine): ContainerHandlers {
  const { containers } = engine
  const sampler = new Sampler(engine)
  return {
    async ContainerList({ query, version }) {
      const health = version.atLeast('1.52')
      const summaries = list(engine, { ...query, limit: query.limit ?? 0, health })
      if (!query.size) return json(summaries)
      const sized = summaries.map(async summary => ({
        ...summary,
        ...(await sizesOf(engine, containers.get(summary.Id))),
      }))
      return json(await Promise.all(sized))
    },

    async ContainerCreate({ query, body }) {
      const { HostConfig: given, NetworkingConfig: networking, ...config } = body
      if (isDeepStrictEqual(config, zero(ContainerConfig))) {
        throw invalid('config cannot be empty in order to create a container')
      }
      const hostConfig = given ?? zero(HostConfig)
      const endpoints = networking?.EndpointsConfig ?? {}
      const request = { name: query.name, platform: query.platform, config, hostConfig, endpoints }
      const { container, warnings } = await create(engine, request)
      return json({ Id: container.id, Warnings: warnings }, 201)
    },

    async ContainerInspect({ params, query }) {
      const container = containers.get(params.name)
      const sizes = query.size ? await sizesOf(engine, container) : {}
      return json({ ...inspect(engine, container), ...sizes })
    },

    ContainerTop: async ({ params, query }) =>
      json(await top(engine, containers.get(params.name), query.ps_args || '-ef')),

    async ContainerStats({ params, query, version }) {
      const container = containers.get(params.name)
      const statsQuery = { stream: query.stream, oneShot: query['one-shot'] && version.atLeast('1.41'), version }
      checkStatsQuery(statsQuery)
      return stream({
        contentType: 'application/json',
        write: (out, signal) => writeStats(sampler, container, statsQuery, out, signal),
      })
    },

    async ContainerLogs({ params, query, version }) {
      // What is wrong with the query is told first, as by dockerd.
      checkStreams(query)
      const container = containers.get(params.name)
      // 0 is no end of time: some clients always send it.
      const until = query.until === 0n ? undefined : query.until
      const logQuery = { ...query, until, tail: tailOf(query.tail) }
      checkReadable(container)
      const path = logPath(engine.settings, container)
      // Once the answer has begun, the client may have the container removed.
      const files = await openLog(engine, container, path, logQuery)
      return stream({
        contentType: outputType(container.definition.config.Tty, version),
        write: (out, signal) => writeLogs(container, path, logQuery, files, out, signal),
      })
    },

    async ContainerLogsDelete({ params }) {
      await clearLog(engine, containers.get(params.name))
      return empty()
    },

    async ContainerStart({ params, query }) {
      const { checkpoint: name, 'checkpoint-dir': directory } = query
      if (name !== '' && !engine.settings.experimental) {
        throw invalid('checkpoint is only supported in experimental mode')
      }
      await start(engine, containers.get(params.name), name === '' ? undefined : { name, directory })
      return empty()
    },

    async ContainerStop({ params, query }) {
      await stop(engine, containers.get(params.name), { signal: query.signal, timeout: query.t })
      return empty()
    },

    async ContainerRestart({ params, query }) {
      await restart(engine, containers.get(params.name), { signal: query.signal, timeout: query.t })
      return empty()
    },

    async ContainerKill({ params, query }) {
      const signal = query.signal || 'SIGKILL'
      parseSignal(signal)
      try {
        await kill(engine, containers.get(params.name), parseSignalToSend(signal))
      } catch (error) {
        throw cannotKill(params.name, error)
      }
      return empty()
    },

    async ContainerPause({ params }) {
      await pause(engine, containers.get(params.name))
      return empty()
    },

    async ContainerUnpause({ params }) {
      await unpause(engine, containers.get(params.name))
      return empty()
    },

    async ContainerRename({ params, query }) {
      await rename(engine, containers.get(params.name), query.name)
      return empty()
    },

    async ContainerUpdate({ params, body }) {
      const warnings = await update(engine, containers.get(params.name), body)
      return json({ Warnings: warnings.length > 0 ? warnings : null })
    },

    async ContainerResize({ params, query }) {
      resize(engine, containers.get(params.name), { rows: query.h, columns: query.w })
      return empty(200)
    },

    async ContainerAttach({ params, query, version }) {
      const container = containers.get(params.name)
      const options = { ...query, detachKeys: parseDetachKeys(query.detachKeys) }
      checkAttach(container, params.name)
      return hijack({
        contentType: outputType(container.definition.config.Tty, version),
        run: (socket, signal) => attach(engine, container, options, socket, signal),
      })
    },

    async ContainerAttachWebsocket({ params, query, version }) {
      const container = containers.get(params.name)
      // Which streams could not be said before.
      const streams = version.atLeast('1.42') ? {} : { stdin: true, stdout: true, stderr: true }
      const options = { ...query, ...streams, detachKeys: parseDetachKeys(query.detachKeys) }
      checkAttach(container, params.name)
      const bare = (socket: Duplex) => (container.definition.config.Tty ? socket : unframed(socket))
      return webSocket({
        binary: version.atLeast('1.28'),
        run: (socket, signal) => attach(engine, container, options, bare(socket), signal),
      })
    },

    async ContainerWait({ params, query }) {
      const container = containers.get(params.name)
      const condition = parseWaitCondition(query.condition)
      return stream({
        contentType: 'application/json',
        async write(out, signal) {
          const exit = await wait(container, condition, signal)
          out.write(`${JSON.stringify(waitResponse(exit))}\n`)
        },
      })
    },

    async ContainerDelete({ params, query }) {
      const { v: volumes, force, link } = query
      await remove(engine, containers.get(params.name), { volumes, force, link })
      return empty()
    },

    async ContainerPrune({ query }) {
      const report = await prune(engine, query.filters)
      engine.events.publish('container', 'prune', '', { reclaimed: String(report.SpaceReclaimed) })
      return json(report)
    },
  }
}

// dockerd's words around all that can be wrong but how the signal is spelled.
function cannotKill(name: string, error: unknown): unknown {
  if (!(error instanceof GantryError)) return error
  return new GantryError(error.kind, `cannot kill container: ${name}: ${error.message}`, { cause: error })
}

function waitResponse({ code, error }: Exit): ContainerWaitResponse {
  return { StatusCode: code, ...(error !== '' && { Error: { Message: error } }) }
}

// `all`, and whatever is no number, means all lines.
function tailOf(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined
}
