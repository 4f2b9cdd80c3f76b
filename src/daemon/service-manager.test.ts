// What the service manager is told, and when.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../test/kit/until.ts'
import { silentLog } from '../lib/log.ts'
import { UnixDatagramCollector } from '../logging/testing.ts'
import { ServiceManager } from './service-manager.ts'

test('a reload before the API is served is no sign of it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'notify-'))
  try {
    const path = join(directory, 'socket')
    await using listener = await UnixDatagramCollector.listen(path)
    using manager = new ServiceManager({ NOTIFY_SOCKET: path }, silentLog)
    manager.reloading()
    manager.reloaded()
    manager.ready()
    manager.reloading()
    manager.reloaded()
    manager.stopping()
    await until(() => listener.datagrams.length >= 4)
    const told = listener.datagrams.map(datagram => datagram.toString().replace(/\d+$/, 'N'))
    assert.deepEqual(told, ['READY=N', 'RELOADING=1\nMONOTONIC_USEC=N', 'READY=N', 'STOPPING=N'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
