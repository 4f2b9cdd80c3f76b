// The daemon's connection to a shim of an older version, which closes the connection on which it hears what it doesn't know.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ShimConnection, openSocket } from './shim-connection.ts'
import { MessageReader, encodeMessage, event, request } from './shim-protocol.ts'

test('an older shim that can’t clear a log stays connected', async () => {
  const runDir = mkdtempSync(join(tmpdir(), 'older-shim-'))
  const state = encodeMessage(event.state, 0, Buffer.from(`phase running\npid 1\nstarted 1\nshim ${process.pid}\n`))
  const older = createServer(socket => {
    const reader = new MessageReader()
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      for (const { type } of reader.read(chunk)) {
        if (type === request.control) socket.write(state)
        else socket.destroy()
      }
    })
  })
  try {
    older.listen(join(runDir, 'shim.sock'))
    await once(older, 'listening')
    const connection = new ShimConnection(await openSocket(runDir), runDir)
    await connection.greeting()
    let lost = false
    void connection.closed.then(() => (lost = true))
    await assert.rejects(connection.clearLog(), /the log can't be cleared: its shim .* is of an older version: restart/)
    assert.equal(lost, false)
    connection.close()
  } finally {
    older.close()
    rmSync(runDir, { recursive: true })
  }
})
