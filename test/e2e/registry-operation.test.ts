// What an operator of the registry has: collections by hand, one process per directory, the access log, metrics.

import assert from 'node:assert/strict'
import { renameSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { Command, output, run } from '../kit/command.ts'
import { busyboxImage } from '../kit/images.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const gantry = join(import.meta.dirname, '../../bin/gantry')

class Registry extends Command {
  port = ''
  metricsPort = ''

  static async start(config: string): Promise<Registry> {
    const registry = new Registry([gantry, 'registry', 'serve', '--config', config, '--listen', '127.0.0.1:0'])
    const ready = /"port":(\d+)\}.*is ready/
    await until(() => !registry.running || ready.test(registry.stderr), { what: () => registry.stderr })
    registry.port = ready.exec(registry.stderr)?.[1] ?? ''
    registry.metricsPort = /"metricsPort":(\d+)/.exec(registry.stderr)?.[1] ?? ''
    return registry
  }

  image(name: string): string {
    return `docker://127.0.0.1:${this.port}/${name}`
  }
}

const gc = (config: string, ...flags: string[]) => output([gantry, 'registry', 'gc', '--config', config, ...flags])
const copy = (...more: string[]) =>
  output(['skopeo', 'copy', '--src-tls-verify=false', '--dest-tls-verify=false', ...more])

test('the registry in operation', async suite => {
  await using directory = temporaryDirectory('registry')
  const config = join(directory.path, 'registry.yaml')
  const accessLog = join(directory.path, 'access.log')
  const hash = (await output(['htpasswd', '-nbB', '-C', '5', 'ann', 'secret'])).split(':')[1]?.trim()
  const settings = {
    root: 'content',
    users: { ann: hash },
    'access-log': 'access.log',
    metrics: '127.0.0.1:0',
    retention: [{ repository: 'ci/*', keep: 1 }],
    quotas: [{ repository: 'small/**', size: '1kB' }],
  }
  writeFileSync(config, JSON.stringify(settings))
  const { archive } = await busyboxImage()
  const lines = () =>
    readFileSync(accessLog, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)

  {
    await using registry = await Registry.start(config)
    const push = (name: string) => copy('--dest-creds', 'ann:secret', `docker-archive:${archive}`, registry.image(name))
    for (const tag of ['one', 'two']) await push(`ci/busybox:${tag}`)

    await suite.test('a quota is told by the client', async () => {
      const pushed = await run([
        'skopeo',
        'copy',
        '--dest-tls-verify=false',
        '--dest-creds',
        'ann:secret',
        `docker-archive:${archive}`,
        registry.image('small/busybox:1'),
      ])
      assert.notEqual(pushed.code, 0)
      assert.match(pushed.stderr, /quota/)
    })

    await suite.test('each request is a line of the access log, also after rotation', async () => {
      const wrong = await fetch(`http://127.0.0.1:${registry.port}/v2/ci/busybox/tags/list`)
      assert.equal(wrong.status, 401)
      await until(() => lines().some(line => line['status'] === 401 && line['endpoint'] === 'tags'))
      const put = lines().find(line => line['method'] === 'PUT' && line['endpoint'] === 'manifests')
      assert.deepEqual(
        [put?.['user'], put?.['repository'], put?.['status'], put?.['remote'], typeof put?.['seconds']],
        ['ann', 'ci/busybox', 201, '127.0.0.1', 'number'],
      )
      const sent = lines().filter(line => line['endpoint'] === 'uploads')
      const received = sent.reduce((sum, line) => sum + Number(line['received']), 0)
      assert.ok(received > 1_000_000, `${received}`)
      renameSync(accessLog, `${accessLog}.1`)
      registry.kill('SIGHUP')
      await until(() => registry.stderr.includes('Reloaded the configuration'))
      await fetch(`http://127.0.0.1:${registry.port}/v2/`)
      await until(() => lines().length === 1)
    })

    await suite.test('metrics', async () => {
      const text = await (await fetch(`http://127.0.0.1:${registry.metricsPort}/metrics`)).text()
      assert.match(text, /^registry_request_seconds_count\{endpoint="manifests",method="PUT",status="201"\} 2$/m)
      assert.match(text, /^registry_received_bytes_total\{endpoint="uploads"\} \d{7,}$/m)
      assert.match(text, /^process_resident_memory_bytes \d+$/m)
    })

    await suite.test('a second process does not get the same directory, nor does a collection', async () => {
      for (const verb of [['serve', '--listen', '127.0.0.1:0'], ['gc']]) {
        const { code, stderr } = await run([gantry, 'registry', ...verb, '--root', join(directory.path, 'content')])
        assert.equal(code, 1)
        assert.match(stderr, /is in use by another registry/)
      }
    })

    await suite.test('another registry is a cache of it', async () => {
      const cacheConfig = join(directory.path, 'cache.yaml')
      const rule = {
        prefix: 'hub',
        remote: `127.0.0.1:${registry.port}`,
        username: 'ann',
        password: 'secret',
        fresh: '0',
      }
      writeFileSync(cacheConfig, JSON.stringify({ root: 'cached', cache: [rule] }))
      await using cache = await Registry.start(cacheConfig)
      await copy(cache.image('hub/ci/busybox:two'), `dir:${directory.path}/first`)
      assert.deepEqual(
        JSON.parse(await output(['skopeo', 'list-tags', '--tls-verify=false', cache.image('hub/ci/busybox')])).Tags,
        ['one', 'two'],
      )
    })

    await suite.test('SIGUSR1 collects', async () => {
      registry.kill('SIGUSR1')
      await until(() => registry.stderr.includes('Collected garbage'))
      assert.match(registry.stderr, /"retired":1/)
      const text = await (await fetch(`http://127.0.0.1:${registry.metricsPort}/metrics`)).text()
      assert.match(text, /^registry_collections_total\{result="done"\} 1$/m)
    })
    await push('ci/busybox:three')
  }

  await suite.test('gantry registry gc', async () => {
    assert.match(await gc(config, '--dry-run'), /^ci\/busybox:two\n0 blobs of 0 bytes would go/)
    assert.match(await gc(config, '--dry-run'), /^ci\/busybox:two\n/, 'it was only told')
    assert.match(await gc(config), /^ci\/busybox:two\n0 blobs/)
    assert.match(await gc(config), /^0 blobs/)
  })
})
