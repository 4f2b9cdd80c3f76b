// A log that is being answered stays readable to its end, whatever becomes of its container.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'

import { create, remove, start, unframed } from './api.ts'
import { startEngine } from './engine.ts'

test('logs of a container that is removed once their answer has begun', async () => {
  await using engine = await startEngine()
  for (let round = 0; round < 5; round++) {
    await create(engine, 'gone', { Cmd: ['echo', 'said'] })
    await start(engine, 'gone')
    await engine.ok(['wait', 'gone'])
    const answers = Array.from({ length: 40 }, async () => {
      const path = '/v1.41/containers/gone/logs?stdout=1&follow=1'
      const [answer] = (await once(request({ socketPath: engine.socket, path, agent: false }).end(), 'response')) as [
        IncomingMessage,
      ]
      return answer
    })
    const removed = Promise.any(answers).then(() => remove(engine, 'gone'))
    for (const answer of await Promise.all(answers)) {
      const body = await text(answer.setEncoding('latin1'))
      if (answer.statusCode === 200) assert.equal(unframed(body).stdout, 'said\n')
      else assert.equal(answer.statusCode, 404)
    }
    await removed
  }
})
