// dockerode drives the engine, as programs in JavaScript do.

import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { PassThrough, type Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import Docker from 'dockerode'

import { startEngine } from '../e2e/engine.ts'
import { busyboxImage } from '../kit/images.ts'

/** Both outputs of a multiplexed stream, once it has ended. */
async function outputs(docker: Docker, stream: NodeJS.ReadableStream) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  docker.modem.demuxStream(stream, stdout, stderr)
  const ended = () => {
    stdout.end()
    stderr.end()
  }
  stream.once('end', ended).once('close', ended)
  const [out, err] = await Promise.all([text(stdout), text(stderr)])
  return { out, err }
}

test('dockerode', async suite => {
  await using engine = await startEngine()
  const docker = new Docker({ socketPath: engine.socket })

  await suite.test('ping, version, info', async () => {
    assert.equal(String(await docker.ping()), 'OK')
    assert.equal((await docker.version()).Os, 'linux')
    assert.equal((await docker.info()).OSType, 'linux')
  })

  await suite.test('run, with its output and exit code', async () => {
    const [out, err] = [new PassThrough(), new PassThrough()]
    const command = ['sh', '-c', 'echo out; echo err >&2; exit 3']
    const [result, container] = await docker.run('busybox', command, [out, err], { Tty: false })
    assert.equal(result.StatusCode, 3)
    out.end()
    err.end()
    assert.deepEqual([await text(out), await text(err)], ['out\n', 'err\n'])
    await container.remove()
  })

  await suite.test('attach before the start, with input', async () => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['cat'], OpenStdin: true, StdinOnce: true })
    const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true })
    await container.start()
    const received = outputs(docker, stream)
    stream.end('through\n')
    assert.deepEqual(await received, { out: 'through\n', err: '' })
    assert.equal((await container.wait()).StatusCode, 0)
    await container.remove()
  })

  await suite.test('exec, multiplexed and with a terminal', async () => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '300'] })
    await container.start()
    const exec = await container.exec({ Cmd: ['sh', '-c', 'cat; exit 7'], AttachStdin: true, AttachStdout: true })
    const stream = await exec.start({ hijack: true, stdin: true })
    stream.end('in\n')
    assert.deepEqual(await outputs(docker, stream), { out: 'in\n', err: '' })
    assert.equal((await exec.inspect()).ExitCode, 7)
    const terminal = await container.exec({ Cmd: ['tty'], AttachStdout: true, Tty: true })
    assert.match(await text(await terminal.start({ Tty: true })), /^\/dev\/pts\//)
    await container.remove({ force: true })
  })

  await suite.test('logs and statistics as they come', async () => {
    const command = ['sh', '-c', 'for i in 1 2 3; do echo $i; sleep .1; done']
    const container = await docker.createContainer({ Image: 'busybox', Cmd: command })
    await container.start()
    const logs = await container.logs({ follow: true, stdout: true, stderr: true })
    const stats = (await container.stats({ stream: true })) as Readable
    const [first] = (await stats.take(1).toArray()) as [Buffer]
    assert.equal(JSON.parse(String(first)).id, container.id)
    assert.equal((await outputs(docker, logs)).out, '1\n2\n3\n')
    assert.equal((await container.inspect()).State.ExitCode, 0)
    await container.remove()
  })

  await suite.test('archives in and out', async () => {
    const container = await docker.createContainer({ Image: 'busybox', Cmd: ['cat', '/tmp/etc/passwd'] })
    const archive = (await container.getArchive({ path: '/etc' })) as Readable
    await container.putArchive(archive, { path: '/tmp' })
    await container.start()
    await container.wait()
    const logged = (await container.logs({ stdout: true })).toString()
    assert.match(logged, /root:x:0:0/)
    const image = await container.commit({ repo: 'committed', tag: '1' })
    assert.match(image.Id, /^sha256:/)
    await docker.getImage('committed:1').remove()
    await container.remove()
  })

  await suite.test('events', async () => {
    const events = (await docker.getEvents({ filters: { label: ['watched'] } })) as Readable
    const [created] = await Promise.all([
      events.take(1).toArray() as Promise<[Buffer]>,
      docker.createContainer({ Image: 'busybox', Labels: { watched: '1' } }),
    ])
    assert.equal(JSON.parse(String(created[0])).Action, 'create')
  })

  await suite.test('images: load with its progress, list, tag, remove', async () => {
    const stream = await docker.loadImage(createReadStream((await busyboxImage()).archive))
    const progress = await new Promise<unknown[]>((resolve, reject) =>
      docker.modem.followProgress(stream, (error, all) => (error ? reject(error) : resolve(all))),
    )
    assert.match(JSON.stringify(progress), /Loaded image: busybox/)
    await docker.getImage('busybox').tag({ repo: 'other', tag: '2' })
    const found = await docker.listImages({ filters: { reference: ['other'] } })
    assert.deepEqual(found[0]?.RepoTags?.toSorted(), ['other:2'])
    await docker.getImage('other:2').remove()
  })

  await suite.test('volumes, lists and prune', async () => {
    await docker.createVolume({ Name: 'v1', Labels: { a: 'b' } })
    const volumes = await docker.listVolumes({ filters: { label: ['a=b'] } })
    assert.deepEqual(
      volumes.Volumes.map(({ Name }) => Name),
      ['v1'],
    )
    await docker.getVolume('v1').remove()
    const made = await docker.createContainer({ Image: 'busybox', Labels: { pruned: '1' } })
    const filters = { label: ['pruned'] }
    assert.deepEqual(
      (await docker.listContainers({ all: true, filters })).map(({ Id }) => Id),
      [made.id],
    )
    assert.deepEqual((await docker.pruneContainers({ filters: JSON.stringify(filters) })).ContainersDeleted, [made.id])
  })

  await suite.test('errors have the engine’s status and sentence', async () => {
    await assert.rejects(docker.getContainer('nothing').inspect(), {
      statusCode: 404,
      json: { message: 'No such container: nothing' },
    })
    await assert.rejects(docker.createContainer({ Image: 'busybox', HostConfig: { Memory: 1 } }), { statusCode: 400 })
  })
})
