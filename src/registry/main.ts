// The program behind `gantry registry serve`: an OCI registry in a directory, until a signal ends it.

import { once } from 'node:events'
import type { Server } from 'node:http'
import { parseArgs } from 'node:util'
import { messageOf } from '../lib/errors.ts'
import { type Log, createLog } from '../lib/log.ts'
import { DiskStorage } from './disk-storage.ts'
import { createRegistryServer } from './http/server.ts'
import { Repositories } from './repository.ts'
import { Uploads } from './uploads.ts'

const defaults = { root: '/var/lib/gantry-registry', listen: '127.0.0.1:5000' }

async function main(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: { root: { type: 'string', default: defaults.root }, listen: { type: 'string', default: defaults.listen } },
  })
  const address = parseAddress(values.listen)
  const log = createLog('info')
  const storage = new DiskStorage(values.root)
  await storage.prepare()
  const repositories = new Repositories(storage)
  const uploads = new Uploads(storage)
  const server = createRegistryServer({ storage, repositories, uploads }, log)
  server.listen(address)
  await once(server, 'listening')
  log.info({ root: values.root, address: server.address() }, 'The registry is ready')
  using _expiry = hourly(async () => void (await uploads.expire(await repositories.receiving())), log)
  await stopSignal()
  await close(server)
}

/** `HOST:PORT`, `[HOST]:PORT` or `:PORT` for every address of the host. */
function parseAddress(text: string): { host?: string; port: number } {
  const [, host = '', port = ''] = /^(?:\[([^\]]+)\]|[^:]*):(\d{1,5})$/.exec(text) ?? []
  if (port === '' || Number(port) > 65_535)
    throw new Error(`--listen ${text}: expected HOST:PORT, such as 127.0.0.1:5000`)
  const name = host || text.slice(0, text.lastIndexOf(':'))
  return name === '' ? { port: Number(port) } : { host: name, port: Number(port) }
}

/** Does `work` now and then every hour; what fails is told, and tried again. */
function hourly(work: () => Promise<void>, log: Log): Disposable {
  const run = () => void work().catch((error: unknown) => log.warn({ err: error }, 'Cleaning up failed'))
  const timer = setInterval(run, 3_600_000)
  run()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => resolve())
  return promise
}

// Uploads that are cut off go on where they were.
async function close(server: Server): Promise<void> {
  const closed = new Promise(resolve => server.close(resolve))
  server.closeAllConnections()
  await closed
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`gantry registry serve: ${messageOf(error)}\n`)
  process.exitCode = 1
}
