// A real object store that speaks S3: OpenStack Swift from Debian's packages, on loopback, in a directory of its own.

import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'

import { Command, output } from './command.ts'
import { type TemporaryDirectory, temporaryDirectory } from './temporary.ts'
import { until } from './until.ts'

const kinds = ['account', 'container', 'object'] as const

/** What the registry's configuration has below `s3`. */
export interface ObjectStore extends AsyncDisposable {
  readonly endpoint: string
  readonly bucket: string
  readonly 'access-key': string
  readonly 'secret-key': string
}

const rings = `
import sys
from swift.common.ring import RingBuilder
for text in sys.argv[2:]:
    name, port = text.split(':')
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({'region': 1, 'zone': 1, 'weight': 1, 'ip': '127.0.0.1', 'port': int(port), 'device': 'd1',
                     'replication_ip': '127.0.0.1', 'replication_port': int(port), 'meta': ''})
    builder.rebalance()
    builder.get_ring().save(sys.argv[1] + '/' + name + '.ring.gz')
`

/** Starts one, with a bucket. */
export async function startObjectStore(): Promise<ObjectStore> {
  await using stack = new AsyncDisposableStack()
  const directory = stack.use(temporaryDirectory('swift'))
  mkdirSync(join(directory.path, 'devices/d1'), { recursive: true })
  const ports = await freePorts(kinds.length + 1)
  const [proxyPort = 0, ...serverPorts] = ports
  const named = kinds.map((kind, index) => `${kind}:${serverPorts[index]}`)
  await output(['/usr/bin/python3', '-c', rings, directory.path, ...named])
  writeFileSync(join(directory.path, 'swift.conf'), hashes)
  for (const [index, kind] of kinds.entries())
    stack.use(serve(directory, kind, serverText(directory, kind, serverPorts[index] ?? 0)))
  const proxy = stack.use(serve(directory, 'proxy', proxyText(directory, proxyPort)))
  const endpoint = `http://127.0.0.1:${proxyPort}`
  const store = { endpoint, bucket: 'registry', 'access-key': 'test:tester', 'secret-key': 'testing' }
  await until(() => makeBucket(store), { every: 100, timeout: 90_000, what: () => proxy.stderr })
  const owned = stack.move()
  return { ...store, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

// Ports that were free a moment ago: Swift has to know them before it listens.
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const listening = servers.map(
    server =>
      new Promise<number>(resolve =>
        server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
      ),
  )
  const ports = await Promise.all(listening)
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}

function serve({ path }: TemporaryDirectory, kind: string, text: string): Command {
  const file = join(path, `${kind}.conf`)
  writeFileSync(file, text)
  return new Command([`swift-${kind}-server`, file, '--verbose'])
}

const hashes = `[swift-hash]
swift_hash_path_suffix = suffix
swift_hash_path_prefix = prefix
[storage-policy:0]
name = Policy-0
default = yes
`

const common = ({ path }: TemporaryDirectory, port: number) => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${path}
`

const serverText = (directory: TemporaryDirectory, kind: string, port: number) => `${common(directory, port)}
devices = ${directory.path}/devices
mount_check = false
[pipeline:main]
pipeline = ${kind}-server
[app:${kind}-server]
use = egg:swift#${kind}
recon_cache_path = ${directory.path}
`

// Without a cache: nothing listens on port 1.
const proxyText = (directory: TemporaryDirectory, port: number) => `${common(directory, port)}
[pipeline:main]
pipeline = catch_errors cache s3api tempauth copy slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
s3_acl = false
check_bucket_owner = false
min_segment_size = 50000
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
`

async function makeBucket(store: Omit<ObjectStore, keyof AsyncDisposable>): Promise<boolean> {
  const { AwsClient } = await import('aws4fetch')
  const client = new AwsClient({
    accessKeyId: store['access-key'],
    secretAccessKey: store['secret-key'],
    service: 's3',
    region: 'us-east-1',
    retries: 0,
  })
  const made = await client.fetch(`${store.endpoint}/${store.bucket}`, { method: 'PUT' }).catch(() => undefined)
  return made?.ok ?? false
}
