// Pulls and pushes by the stock CLI where the registry lies, stalls and breaks off: bounded time, memory and disk, nothing of
// an image that is not whole, and a password for nobody else.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { LyingRegistry } from '../kit/lying-registry.ts'
import { password, user } from '../kit/lying-server.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const partialLimit = 1_000_000
const settings = {
  'max-download-attempts': 2,
  'max-concurrent-downloads': 20,
  'registry-timeout': '2s',
  'image-partial-max-size': partialLimit,
}
/** Milliseconds that a pull may take, most of it because the machine is busy with the others. */
const longest = 60_000
/** Bytes that the daemon's memory may grow by, and that a registry may send of what never ends. */
const mostMemory = 256 << 20
const mostSent = 64 << 20

/** What the CLI is told where a repository lies; null where it may recover. */
const lies: Readonly<Record<string, RegExp | null>> = {
  honest: null,
  'moved-layer': null,
  'recovering-layer': null,
  'recovering-manifest': null,
  'ambiguous-manifest': /manifest is ambiguous: neither index nor image/,
  'manifest-of-an-index': /manifest does not match its media type application\/vnd\.oci\.image\.index/,
  'manifest-of-a-model': /is not an image: its config is "text\/plain"/,
  'huge-layer': /layer sha256:\w+ has 1125899906842624 bytes: if it is to be trusted, raise image-layer-max-size/,
  'no-digest': /invalid manifest: layers\[0\] has no valid digest/,
  'no-layers': /image config has 1 layers, its manifest 0/,
  'large-manifest': /has more than 4194304 bytes/,
  'endless-manifest': /has more than 4194304 bytes|takes too long/,
  'slow-manifest': /takes too long/,
  'garbage-manifest': /manifest is not valid JSON/,
  'other-manifest': /manifest verification failed for digest/,
  'silent-manifest': /timeout awaiting response headers/,
  'looping-manifest': /redirects more than 10 times/,
  'manifest-in-a-file': /redirects to file:\/\/\/etc\/passwd, which is no address of a web server/,
  'busy-manifest': /toomanyrequests: too many requests/,
  'broken-manifest': /received unexpected HTTP status: 500 Internal Server Error/,
  'cut-manifest': /: (EOF|read: connection reset by peer)$/m,
  // What it says is shown on a terminal, and may be long.
  'rude-manifest': /^Error response from daemon: unknown: {2}\[2Jx{1,1024}$/m,
  'endless-refusal': /has more than 16777216 bytes|takes too long/,
  'endless-tags': /has more than 200000 tags/,
  'altered-config': /verification failed for digest/,
  'altered-layer': /filesystem layer verification failed for digest/,
  'long-layer': /has 601601 bytes for blob sha256:\w+ instead of 601600/,
  'short-layer': /has 601599 bytes for blob sha256:\w+ instead of 601600/,
  'endless-layer': /has more than 601600 bytes for blob/,
  'slow-layer': /sends blob sha256:\w+ too slowly/,
  'truncated-layer': /stopped after \d+ of 601600 bytes of blob/,
  'truncated-layer-2': /stopped after \d+ of 601600 bytes of blob/,
  'truncated-layer-3': /stopped after \d+ of 601600 bytes of blob/,
}

/** What the CLI is told where a push gets nowhere. */
const lyingUploads: Readonly<Record<string, RegExp>> = {
  'refused-upload': /: (EOF|read: connection reset by peer|write EPIPE)/,
  'upload-to-nowhere': /doesn't say where the upload goes on/,
  'upload-to-a-file': /doesn't say where the upload goes on/,
  'endless-upload': /has more than 16777216 bytes|takes too long/,
  'unwanted-upload': /received unexpected HTTP status: 403 Forbidden/,
}

test('a registry that lies', { skip: onDockerd }, async suite => {
  await using engine = await startGantrydWithBusybox()
  await using registry = await LyingRegistry.start(engine.namespace)
  writeFileSync(engine.configuration, JSON.stringify(settings))
  process.kill(engine.pid, 'SIGHUP')
  await until(() => engine.log.includes('Reloaded the configuration'), { what: () => engine.log })
  const login = ['login', '-u', user, '--password-stdin', registry.host]
  await engine.ok(login, { stdin: password })
  const repository = (name: string) => `${registry.host}/${name}`
  const begun = (name: string) => registry.asked.filter(({ url, sent }) => sent === null && url.includes(name))
  const isHere = async (name: string) => (await engine.docker(['image', 'inspect', name])).code === 0
  const files = (name: string) => readdirSync(join(engine.dataRoot, name))
  const content = () => ['blobs/sha256', 'layers', 'tmp'].flatMap(name => files(name))
  /** Bytes of memory that the daemon has had at most. */
  const peak = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, 'utf8'))?.[1]) * 1024

  const push = async (name: string) => {
    await engine.ok(['tag', 'busybox', `${repository(name)}:2`])
    return await engine.docker(['push', `${repository(name)}:2`], { timeout: longest })
  }
  // They take their time, which others need not wait for.
  const hopeless = Promise.all(Object.keys(lyingUploads).map(async name => ({ name, ...(await push(name)) })))

  await suite.test('pulls end, each with what is wrong, and leave no image that is not whole', async () => {
    const [before, memory] = [content(), peak()]
    const pulls = Object.keys(lies).map(async name => {
      const args = name === 'endless-tags' ? ['-a', repository(name)] : [`${repository(name)}:1`]
      return { name, ...(await engine.docker(['pull', ...args], { timeout: longest })) }
    })
    for (const { name, code, stderr } of await Promise.all(pulls)) {
      const expected = lies[name]
      assert.equal(code, expected ? 1 : 0, `${name}: ${stderr}`)
      if (expected) assert.match(stderr, expected, name)
      assert.equal(await isHere(`${repository(name)}:1`), !expected, name)
    }
    assert.ok(peak() - memory < mostMemory, `memory grew by ${peak() - memory} bytes`)
    const whole = Object.entries(lies).flatMap(([name, expected]) => (expected ? [] : [name]))
    const ids = await engine.ok(['image', 'inspect', '-f', '{{.Id}}', ...whole.map(name => `${repository(name)}:1`)])
    assert.equal(new Set(ids.split('\n')).size, whole.length)
    // A manifest, a config, and a layer as it came and unpacked.
    assert.equal(content().length, before.length + 4 * whole.length)
  })

  await suite.test('of what was cut off no more is kept than is allowed', () => {
    const parts = files('partial').map(name => statSync(join(engine.dataRoot, 'partial', name)).size)
    const size = parts.reduce((sum, bytes) => sum + bytes, 0)
    assert.ok(size > 0 && size <= partialLimit, String(parts))
  })

  await suite.test('a password is for the registry alone, and what never ends is not listened to for ever', () => {
    const { asked } = registry
    const moved = asked.filter(({ place }) => place === 'elsewhere')
    assert.ok(moved.some(({ url }) => url.includes('moved-layer')))
    for (const { url, authorization } of moved) assert.equal(authorization, null, url)
    for (const { url, sent } of asked) assert.ok((sent ?? 0) < mostSent, `${url}: ${sent}`)
  })

  await suite.test('prune removes what was cut off, and whole images stay', async () => {
    await engine.ok(['image', 'prune', '--force'])
    assert.deepEqual(files('partial'), [])
    assert.match(await engine.ok(['pull', `${repository('honest')}:1`]), /Image is up to date/)
  })

  await suite.test('a push that is cut off goes on, and one that never gets through ends', async () => {
    const [cut, moved] = await Promise.all(['cut-upload', 'moved-upload'].map(push))
    assert.deepEqual([cut?.code, cut?.stderr], [0, ''])
    assert.match(cut?.stdout ?? '', /2: digest: sha256:/)
    // The registry may say where bytes go, and they do, without the password.
    assert.deepEqual([moved?.code, moved?.stderr], [0, ''])
    const elsewhere = registry.asked.filter(({ place, url }) => place === 'elsewhere' && url.includes('moved-upload'))
    assert.ok(elsewhere.some(({ method }) => method === 'PUT'))
    for (const { url, authorization } of elsewhere) assert.equal(authorization, null, url)
    for (const { name, code, stderr } of await hopeless) {
      assert.equal(code, 1, name)
      assert.match(stderr, lyingUploads[name] ?? / /, name)
    }
    const image = `${repository('cut-upload')}:2`
    await engine.ok(['rmi', '-f', await engine.ok(['image', 'inspect', '-f', '{{.Id}}', image])])
    assert.match(await engine.ok(['pull', image]), /Status: Downloaded newer image/)
    assert.equal(await engine.ok(['run', '--rm', image, 'echo', 'hello']), 'hello')
  })

  await suite.test('a push that its client leaves ends, and is in nobody’s way', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `${repository('stuck-upload')}:${index}`)
    for (const name of names) await engine.ok(['tag', `${repository('cut-upload')}:2`, name])
    {
      const clients = names.map(name => engine.watch(['push', name]))
      await until(() => begun('stuck-upload').some(({ method }) => method === 'PATCH'), { what: () => 'an upload' })
      for (const client of clients) await client[Symbol.asyncDispose]()
    }
    // More than may be sent at once by the whole daemon.
    const { code, stderr } = await engine.docker(['push', `${repository('cut-upload')}:2`], { timeout: longest })
    assert.deepEqual([code, stderr], [0, ''])
  })

  await suite.test('who has logged out is not let in', async () => {
    await engine.ok(['logout', registry.host])
    const { stderr } = await engine.docker(['pull', `${repository('honest')}:1`])
    assert.match(stderr, /: no basic auth credentials\n$/)
    await engine.ok(login, { stdin: password })
  })

  await suite.test('the daemon ends though a registry is silent', async () => {
    const before = begun('silent-manifest').length
    await using _client = engine.watch(['pull', `${repository('silent-manifest')}:1`])
    await until(() => begun('silent-manifest').length > before, { what: () => 'a request' })
    assert.equal(await engine.stop(), 0)
    await engine.start()
  })
})
