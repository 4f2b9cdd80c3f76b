// Network namespaces for tests: an engine's own, and hosts on its LAN.

import { Command, output } from './command.ts'
import { until } from './until.ts'
import { readlinkSync } from 'node:fs'

/** A network namespace, alive until disposed of or until the test process ends. */
export interface NetworkNamespace extends AsyncDisposable {
  /** A process in it. */
  readonly pid: number
  /** The command that runs `argv` in it, in place of its caller's. */
  enter(argv: readonly string[]): string[]
}

/** Makes a namespace with its loopback up. */
export async function networkNamespace(): Promise<NetworkNamespace> {
  // cat ends with its input, so that not even a killed test leaves a namespace.
  const holder = new Command(['unshare', '--net', '--', 'cat'])
  const enter = (argv: readonly string[]) => ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--', ...argv]
  const own = readlinkSync('/proc/self/ns/net')
  await until(() => readlinkSync(`/proc/${holder.pid}/ns/net`) !== own, { what: () => 'a new network namespace' })
  await output(enter(['ip', 'link', 'set', 'lo', 'up']))
  return { pid: holder.pid, enter, [Symbol.asyncDispose]: () => holder[Symbol.asyncDispose]() }
}

/** A host beside `host` on a network of their own. */
export interface Peer extends NetworkNamespace {
  /** Addresses on that network. */
  readonly address: string
  readonly hostAddress: string
}

/** Connects a new namespace to `host` by a veth pair, 192.168.77.1 being the host. */
export async function lanPeer(host: NetworkNamespace): Promise<Peer> {
  const peer = await networkNamespace()
  await output(host.enter(['ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'lan0', 'netns', String(peer.pid)]))
  for (const [namespace, address] of [
    [host, '192.168.77.1'],
    [peer, '192.168.77.2'],
  ] as const) {
    await output(namespace.enter(['ip', 'address', 'add', `${address}/24`, 'dev', 'lan0']))
    await output(namespace.enter(['ip', 'link', 'set', 'lan0', 'up']))
  }
  return { ...peer, address: '192.168.77.2', hostAddress: '192.168.77.1' }
}
