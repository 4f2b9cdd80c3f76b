// What a project's tests do by Testcontainers, step by step; prints the name of each step that held.

import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { GenericContainer, Wait } from 'testcontainers'

const web = ['sh', '-c', 'mkdir -p /www; echo page > /www/index.html; echo ready; exec httpd -f -v -p 80 -h /www']

const reusable = () => new GenericContainer('busybox').withCommand(['sleep', '300']).withReuse()

const steps: Readonly<Record<string, () => Promise<void>>> = {
  async 'a server, ready when its port is'() {
    await using container = await new GenericContainer('busybox').withCommand(web).withExposedPorts(80).start()
    const answer = await fetch(`http://${container.getHost()}:${container.getMappedPort(80)}/`)
    assert.equal(await answer.text(), 'page\n')
  },
  async 'ready when it answers'() {
    await using container = await new GenericContainer('busybox')
      .withCommand(web)
      .withExposedPorts(80)
      .withWaitStrategy(Wait.forHttp('/index.html', 80).forStatusCode(200))
      .start()
    assert.ok(container.getMappedPort(80) > 0)
  },
  async 'ready when its log says so'() {
    await using container = await new GenericContainer('busybox')
      .withCommand(['sh', '-c', 'sleep .3; echo about to; echo ready; sleep 300'])
      .withWaitStrategy(Wait.forLogMessage(/ready/))
      .start()
    const logs = await container.logs()
    const { promise, resolve } = Promise.withResolvers<string>()
    let lines = ''
    logs.on('data', chunk => (lines += chunk).endsWith('ready\n') && resolve(lines))
    assert.equal(await promise, 'about to\nready\n')
  },
  async 'ready when it is healthy'() {
    await using container = await new GenericContainer('busybox')
      .withCommand(['sh', '-c', 'sleep .5; touch /tmp/up; sleep 300'])
      .withHealthCheck({ test: ['CMD-SHELL', 'test -e /tmp/up'], interval: 200, timeout: 1000, retries: 20 })
      .withWaitStrategy(Wait.forHealthCheck())
      .start()
    assert.equal((await container.exec(['test', '-e', '/tmp/up'])).exitCode, 0)
  },
  async 'ready when a command succeeds'() {
    await using _container = await new GenericContainer('busybox')
      .withCommand(['sh', '-c', 'sleep .5; touch /tmp/up; sleep 300'])
      .withWaitStrategy(Wait.forSuccessfulCommand('test -e /tmp/up'))
      .start()
  },
  async 'ready when it has ended'() {
    const container = await new GenericContainer('busybox')
      .withCommand(['true'])
      .withWaitStrategy(Wait.forOneShotStartup())
      .start()
    await container.stop()
  },
  async 'never ready is an error, and nothing stays'() {
    const never = new GenericContainer('busybox')
      .withCommand(['sleep', '300'])
      .withWaitStrategy(Wait.forLogMessage('never').withStartupTimeout(500))
    await assert.rejects(never.start(), /never/)
  },
  async 'files, environment, labels, user and limits'() {
    await using container = await new GenericContainer('busybox')
      .withCopyContentToContainer([{ content: 'copied\n', target: '/data/in', mode: 0o640 }])
      .withEnvironment({ A: 'b' })
      .withLabels({ kind: 'test' })
      .withWorkingDir('/data')
      .withTmpFs({ '/scratch': 'rw,size=1m' })
      .withResourcesQuota({ memory: 0.0625, cpu: 0.5 })
      .withExtraHosts([{ host: 'other', ipAddress: '1.2.3.4' }])
      .withCommand(['sleep', '300'])
      .start()
    const { output, exitCode } = await container.exec([
      'sh',
      '-c',
      'cat in; stat -c %a in; echo $A; grep -c other /etc/hosts',
    ])
    assert.deepEqual([output, exitCode], ['copied\n640\nb\n1\n', 0])
    await container.copyContentToContainer([{ content: 'later', target: '/data/later' }])
    const archive = await container.copyArchiveFromContainer('/data/later')
    assert.match(await text(archive), /later/)
    const { stderr, exitCode: failed } = await container.exec(['sh', '-c', 'echo bad >&2; exit 3'])
    assert.deepEqual([stderr, failed], ['bad\n', 3])
  },
  async 'restart, and an image of what it became'() {
    await using container = await new GenericContainer('busybox').withCommand(web).withExposedPorts(80).start()
    await container.exec(['sh', '-c', 'echo changed > /www/index.html'])
    await container.restart()
    const image = await container.commit({ repo: 'became', tag: '1', deleteOnExit: false })
    assert.match(image, /^sha256:/)
  },
  async 'one that is used again'() {
    const first = await reusable().start()
    const second = await reusable().start()
    assert.equal(second.getId(), first.getId())
    await second.stop()
  },
}

// The connections of log streams do not keep the process alive.
const alive = setInterval(() => {}, 60_000)
for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
    process.stdout.write(`${name}\n`)
  } catch (error) {
    console.error(name, error)
  }
}
clearInterval(alive)
