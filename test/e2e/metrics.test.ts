// --metrics-addr: what Prometheus finds there.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Command, run } from '../kit/command.ts'
import { until } from '../kit/until.ts'
import { onDockerd, startGantrydWithBusybox } from './engine.ts'

const address = '127.0.0.1:9323'

test('metrics', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox({ flags: [`--metrics-addr=${address}`] })
  const scrape = async (path = 'metrics') => (await engine.run(['curl', '-sS', `http://${address}/${path}`])).stdout
  const value = async (name: string) => {
    const line = (await scrape()).split('\n').find(text => text.startsWith(`engine_daemon_${name} `))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  assert.equal(await value('container_states_containers{state="running"}'), 0)
  const check = ['--health-cmd', 'false', '--health-interval', '100ms']
  await engine.ok(['run', '-d', '--name', 'unwell', ...check, 'busybox', 'sleep', '300'])
  await engine.ok(['create', '--name', 'idle', 'busybox'])
  assert.equal(await value('container_states_containers{state="running"}'), 1)
  assert.equal(await value('container_states_containers{state="stopped"}'), 1)
  assert.equal(await value('container_actions_seconds_count{action="create"}'), 2)
  assert.equal(await value('container_actions_seconds_count{action="start"}'), 1)
  assert.equal(await value('container_actions_seconds_count{action="delete"}'), 0)
  assert.equal(await value('network_actions_seconds_count{action="connect"}'), 1)
  assert.equal(await value('network_actions_seconds_count{action="allocate"}'), 1)
  await until(async () => ((await value('health_checks_total')) ?? 0) > 0)
  // As with dockerd, a probe that finds something wrong has not failed; one that can't be run has.
  assert.equal(await value('health_checks_failed_total'), 0)
  const shellless = ['sh', '-c', 'rm /bin/sh; exec sleep 300']
  await engine.ok(['run', '-d', '--name', 'unprobed', ...check, 'busybox', ...shellless])
  await until(async () => ((await value('health_checks_failed_total')) ?? 0) > 0)
  // Nobody but a client is a subscriber.
  assert.equal(await value('events_subscribers_total'), 0)
  const template = 'architecture="{{.Architecture}}",commit="",daemon_id="{{.ID}}",graphdriver="{{.Driver}}"'
  const rest = 'kernel="{{.KernelVersion}}",os="{{.OperatingSystem}}",os_type="linux",os_version="{{.OSVersion}}"'
  const labels = await engine.ok(['info', '--format', `${template},${rest}`])
  assert.ok((await scrape()).includes(`engine_daemon_engine_info{${labels},`), labels)
  assert.ok(((await value('host_info_functions_seconds_count{function="system_info"}')) ?? 0) > 0)
  await engine.ok(['rm', '-f', 'unwell'])
  assert.equal(await value('network_actions_seconds_count{action="release"}'), 1)
  assert.ok(((await value('events_total')) ?? 0) >= 3)
  assert.match(await scrape(), /^engine_daemon_engine_info\{.*version="\d.*"\} 1$/m)
  assert.match(await scrape(), /^process_resident_memory_bytes \d/m)
  assert.equal(await scrape('other'), 'page not found\n')
})

test('an address for metrics that is none, or taken', { skip: onDockerd }, async () => {
  await using engine = await startGantrydWithBusybox({ flags: ['--metrics-addr=:9323'] })
  const daemon = (flag: string) => run(engine.namespace.enter([engine.argv[0] ?? '', flag]))
  assert.match((await daemon('--metrics-addr=nowhere')).stderr, /expected HOST:PORT/)
  await engine.stop()
  const listen = 'import socket, time; s = socket.create_server(("127.0.0.1", 9323)); time.sleep(60)'
  {
    await using _other = new Command(engine.namespace.enter(['python3', '-c', listen]))
    // Refused (7) until somebody listens.
    await until(async () => (await engine.run(['curl', '-sS', '--max-time', '1', address])).code !== 7)
    const { code, stderr } = await run(engine.namespace.enter(engine.argv))
    assert.deepEqual([code, /metrics cannot be served on :9323: .*EADDRINUSE/.test(stderr)], [1, true], stderr)
  }
  await engine.start()
})
