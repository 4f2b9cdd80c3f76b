// The one table of the daemon's options: names, defaults and what they mean. The help is made from it.

import { invalid } from '../../lib/errors.ts'
import { parseHost } from './hosts.ts'
import {
  type Kind,
  address,
  addresses,
  anything,
  boolean,
  bytes,
  duration,
  integer,
  list,
  map,
  oneOf,
  pools,
  runtimes,
  string,
  ulimits,
} from './kinds.ts'
import { checkInsecure, checkMirror } from './registries.ts'

export interface Option<T = unknown> {
  /** The flag, without dashes. */
  readonly flag: string
  readonly short?: string
  /** The key in the configuration file, if it is not the flag; null if the file cannot set it. */
  readonly key?: string | null
  readonly kind: Kind<T>
  readonly default: T
  readonly help: string
  /** Why giving it changes nothing; said in the log when it is given. */
  readonly ignored?: string
}

type Rest = Pick<Option, 'short' | 'key' | 'ignored'>

const option = <T>(flag: string, kind: Kind<T>, initial: NoInfer<T>, help: string, rest: Rest = {}): Option<T> => ({
  flag,
  kind,
  default: initial,
  help,
  ...rest,
})

function checkLabel(label: string): string {
  const at = label.indexOf('=')
  if (at < 0) throw invalid(`bad attribute format: ${label}`)
  if (label.slice(0, at).trim() === '') throw invalid(`invalid label '${label}': empty name`)
  return label
}

function checkHost(host: string): string {
  parseHost(host)
  return host
}

function checkSearch(domain: string): string {
  if (domain.trim() === '.') return '.'
  const name = domain.trim().replace(/\.$/, '')
  const isDomain =
    name.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(name)
  if (!isDomain) throw invalid(`${domain} is not a valid domain`)
  return domain.trim()
}

// A host and a port, such as 127.0.0.1:9323, or only :9323 for every address; '' for none.
const metricsAddress: Kind<string> = {
  ...string,
  parse: checkMetricsAddress,
  read: value => checkMetricsAddress(string.read(value)),
}

function checkMetricsAddress(text: string): string {
  const port = /^(?:\[[0-9a-fA-F:]+\]|[^:/@]*):(\d{1,5})$/.exec(text)?.[1]
  if (text === '' || (port !== undefined && Number(port) > 0 && Number(port) < 65_536)) return text
  throw invalid(`invalid metrics address ${JSON.stringify(text)}: expected HOST:PORT, such as 127.0.0.1:9323`)
}

const registryTimeout: Kind<number> = {
  ...duration,
  parse: text => checkTimeout(duration.parse(text)),
  read: value => checkTimeout(duration.read(value)),
}

function checkTimeout(milliseconds: number): number {
  if (milliseconds < 1000 || milliseconds >= 2 ** 31) throw invalid('expected a duration from 1s to 500h')
  return milliseconds
}

const logLevel = oneOf(['debug', 'info', 'warn', 'error', 'fatal', 'panic', 'trace'], 'invalid logging level')

/** Options that have an effect, by the name they have in the configuration. */
export const options = {
  configFile: option('config-file', string, '/etc/gantry/daemon.json', 'Daemon configuration file', { key: null }),
  hosts: option('host', list(checkHost), [], 'Daemon socket(s) to connect to', { short: 'H', key: 'hosts' }),
  group: option('group', string, 'docker', 'Group for the unix socket', { short: 'G' }),
  dataRoot: option('data-root', string, '/var/lib/gantry', 'Root directory of persistent state'),
  execRoot: option('exec-root', string, '/run/gantry', 'Root directory for execution state files'),
  pidfile: option('pidfile', string, '', 'Path to use for daemon PID file (default "<exec-root>/gantryd.pid")', {
    short: 'p',
  }),
  debug: option('debug', boolean, false, 'Enable debug mode', { short: 'D' }),
  logLevel: option('log-level', logLevel, 'info', 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', {
    short: 'l',
  }),
  tls: option('tls', boolean, false, 'Use TLS; implied by --tlsverify'),
  tlsVerify: option('tlsverify', boolean, false, 'Use TLS and verify the remote'),
  tlsCaCert: option('tlscacert', string, '/etc/gantry/ca.pem', 'Trust certs signed only by this CA'),
  tlsCert: option('tlscert', string, '/etc/gantry/cert.pem', 'Path to TLS certificate file'),
  tlsKey: option('tlskey', string, '/etc/gantry/key.pem', 'Path to TLS key file'),
  validate: option('validate', boolean, false, 'Validate daemon configuration and exit', { key: null }),

  defaultRuntime: option('default-runtime', string, '', 'Default OCI runtime for containers (default: the fastest)'),
  runtimes: option('add-runtime', runtimes, {}, 'Register an additional OCI compatible runtime', { key: 'runtimes' }),
  execOptions: option('exec-opt', list(), [], 'Runtime execution options', { key: 'exec-opts' }),
  cgroupParent: option('cgroup-parent', string, '', 'Set parent cgroup for all containers'),
  defaultShmSize: option('default-shm-size', bytes, 64 * 1024 * 1024, 'Default shm size for containers'),
  defaultUlimits: option('default-ulimit', ulimits, {}, 'Default ulimits for containers', { key: 'default-ulimits' }),
  defaultIpcMode: option(
    'default-ipc-mode',
    oneOf(['private', 'shareable'], 'IPC is not supported by the daemon'),
    'private',
    'Default mode for containers ipc ("shareable" | "private")',
  ),
  defaultCgroupnsMode: option(
    'default-cgroupns-mode',
    oneOf(['', 'private', 'host'], 'invalid default cgroup namespace mode'),
    '',
    'Default mode for containers cgroup namespace ("host" | "private")',
  ),
  cdiSpecDirs: option(
    'cdi-spec-dir',
    list(),
    [],
    'CDI specification directories to use (default /etc/cdi, /var/run/cdi)',
    {
      key: 'cdi-spec-dirs',
    },
  ),
  init: option('init', boolean, false, 'Run an init in the container to forward signals and reap processes'),
  initPath: option('init-path', string, '', 'Path to the init binary'),
  logDriver: option('log-driver', string, 'json-file', 'Default driver for container logs'),
  logOptions: option('log-opt', map, {}, 'Default log driver options for containers', { key: 'log-opts' }),
  labels: option('label', list(checkLabel), [], 'Set key=value labels to the daemon', { key: 'labels' }),
  noNewPrivileges: option('no-new-privileges', boolean, false, 'Set no-new-privileges by default for new containers'),
  seccompProfile: option(
    'seccomp-profile',
    string,
    'builtin',
    'Path to seccomp profile. Set to "unconfined" to disable the default seccomp profile',
  ),
  experimental: option('experimental', boolean, false, 'Enable experimental features: checkpoints'),
  shutdownTimeout: option('shutdown-timeout', integer(-1), 15, 'Set the default shutdown timeout', {
    ignored: 'containers do not end with the daemon',
  }),
  oomScoreAdjust: option('oom-score-adjust', integer(-1000, 1000), 0, 'Set the oom_score_adj for the daemon'),
  remap: option('userns-remap', string, '', 'User/Group setting for user namespaces'),
  storageOptions: option('storage-opt', list(), [], 'Storage driver options, such as overlay2.size=10G', {
    key: 'storage-opts',
  }),
  storageDriver: option('storage-driver', string, '', 'Storage driver to use', { short: 's' }),

  bridge: option('bridge', string, '', 'Attach containers to a network bridge (default "gantry0")', { short: 'b' }),
  bridgeIp: option('bip', string, '', 'IPv4 address for the default bridge'),
  bridgeIp6: option('bip6', string, '', 'IPv6 address for the default bridge'),
  fixedCidr: option('fixed-cidr', string, '', 'IPv4 subnet for the default bridge network'),
  fixedCidr6: option('fixed-cidr-v6', string, '', 'IPv6 subnet for the default bridge network'),
  gateway: option('default-gateway', address, '', 'Default gateway IPv4 address for the default bridge network'),
  gateway6: option('default-gateway-v6', address, '', 'Default gateway IPv6 address for the default bridge network'),
  ipv6: option('ipv6', boolean, false, 'Enable IPv6 networking for the default bridge network'),
  hostAddress: option('ip', address, '', 'Host IP for port publishing from the default bridge network'),
  interContainer: option('icc', boolean, true, 'Enable inter-container communication for the default bridge network'),
  ipForward: option('ip-forward', boolean, true, 'Enable IP forwarding in system configuration'),
  masquerade: option('ip-masq', boolean, true, 'Enable IP masquerading for the default bridge network'),
  metricsAddress: option('metrics-addr', metricsAddress, '', 'Address and port to serve the metrics API on'),
  mtu: option('mtu', integer(), 0, 'Set the MTU for the default bridge network'),
  dns: option('dns', addresses, [], 'DNS server to use'),
  dnsOptions: option('dns-opt', list(), [], 'DNS options to use', { key: 'dns-opts' }),
  dnsSearch: option('dns-search', list(checkSearch), [], 'DNS search domains to use'),
  hostGatewayIps: option('host-gateway-ip', addresses, [], "Addresses that 'host-gateway' in --add-host stands for", {
    key: 'host-gateway-ips',
  }),
  addressPools: option('default-address-pool', pools, [], 'Default address pools for node specific local networks', {
    key: 'default-address-pools',
  }),

  httpProxy: option('http-proxy', string, '', 'HTTP proxy URL to use for outgoing traffic'),
  httpsProxy: option('https-proxy', string, '', 'HTTPS proxy URL to use for outgoing traffic'),
  noProxy: option('no-proxy', string, '', 'Comma-separated list of hosts for which the proxy is skipped'),
  registryMirrors: option('registry-mirror', list(checkMirror), [], 'Preferred registry mirror', {
    key: 'registry-mirrors',
  }),
  insecureRegistries: option('insecure-registry', list(checkInsecure), [], 'Enable insecure registry communication', {
    key: 'insecure-registries',
  }),
  embeddedRegistry: option(
    'embedded-registry',
    string,
    '',
    'Configuration file of a registry to serve beside the engine (default: none)',
  ),
  imageMaxSize: option(
    'image-gc-max-size',
    bytes,
    0,
    'Size of all images above which those not used for longest are removed (0: never)',
  ),
  imageMinAge: option(
    'image-gc-min-age',
    duration,
    24 * 3_600_000,
    'Time after its last use for which an image is never removed by itself',
  ),
  partialMaxSize: option(
    'image-partial-max-size',
    bytes,
    20 * 2 ** 30,
    'Size that parts of layers may have that are kept of pulls that were cut off',
  ),
  referrers: option(
    'image-referrers',
    boolean,
    true,
    'Pull signatures and other manifests that refer to an image with it',
  ),
  shareFiles: option(
    'image-share-files',
    boolean,
    true,
    'Let equal files of layers share blocks, where the file system can (xfs, btrfs)',
  ),
  layerMaxEntries: option(
    'image-layer-max-entries',
    integer(1),
    4_000_000,
    'Files, directories and links that one layer of an image may have',
  ),
  layerMaxSize: option('image-layer-max-size', bytes, 512 * 2 ** 30, 'Size of all files of one layer of an image'),
  layerMaxRatio: option(
    'image-layer-max-ratio',
    integer(1),
    1100,
    'How many times its compressed size a layer may be, beyond the first gigabyte',
  ),
  registryTimeout: option(
    'registry-timeout',
    registryTimeout,
    60_000,
    'Time after which a registry is given up that says nothing, or sends or takes hardly anything',
  ),
  maxDownloads: option('max-concurrent-downloads', integer(), 3, 'Set the max concurrent downloads'),
  maxUploads: option('max-concurrent-uploads', integer(), 5, 'Set the max concurrent uploads'),
  maxDownloadAttempts: option('max-download-attempts', integer(1), 5, 'Set the max download attempts for each pull'),
} as const

export type OptionName = keyof typeof options

const noPart = 'Gantry has no such part'
const always = 'Gantry always does it'

const ignored = (flag: string, kind: Kind<unknown>, why: string, rest: Rest = {}): Option => ({
  flag,
  kind,
  default: undefined,
  help: `Accepted for compatibility: ${why}`,
  ignored: why,
  ...rest,
})

/** Options of dockerd that change nothing here. */
export const ignoredOptions: readonly Option[] = [
  ignored('allow-direct-routing', boolean, 'only published ports can be reached'),
  ignored('allow-nondistributable-artifacts', anything('list'), 'all artifacts are pushed'),
  ignored('bridge-accept-fwmark', string, 'only published ports can be reached'),
  ignored('containerd', string, 'Gantry runs containers itself'),
  ignored('containerd-namespace', string, 'Gantry runs containers itself'),
  ignored('containerd-plugins-namespace', string, 'Gantry runs containers itself', {
    key: 'containerd-plugin-namespace',
  }),
  ignored('cpu-rt-period', integer(), 'real-time limits are set per container'),
  ignored('cpu-rt-runtime', integer(), 'real-time limits are set per container'),
  ignored('cri-containerd', boolean, 'Gantry runs containers itself'),
  ignored('default-network-opt', anything('mapmap'), noPart, { key: 'default-network-opts' }),
  ignored('feature', anything('map'), 'there are no optional features', { key: 'features' }),
  ignored('firewall-backend', string, 'it is always nftables'),
  ignored('ip6tables', boolean, 'the rules for IPv6 are in the same table'),
  ignored('ip-forward-no-drop', boolean, 'Gantry leaves the policy of the FORWARD chain alone'),
  ignored('live-restore', boolean, always),
  ignored('log-format', string, 'the log is JSON'),
  ignored('network-control-plane-mtu', integer(), noPart),
  ignored('network-diagnostic-port', integer(), noPart),
  ignored('node-generic-resource', anything('list'), noPart, { key: 'node-generic-resources' }),
  ignored('nri-opts', anything('nri-opts'), noPart),
  ignored('raw-logs', boolean, 'the log has no colors'),
  ignored('restart', boolean, 'restart policies belong to containers', { short: 'r', key: null }),
  ignored('selinux-enabled', boolean, 'Gantry sets no SELinux labels'),
  ignored('swarm-default-advertise-addr', string, noPart),
  ignored('userland-proxy', boolean, 'ports are published without proxies'),
  ignored('userland-proxy-path', string, 'ports are published without proxies'),
]

/** Keys of the file that have no flag and change nothing here. */
export const ignoredKeys: Readonly<Record<string, string>> = {
  builder: 'the builder takes no configuration yet',
  'default-init': 'see init-path',
  'deprecated-key-path': noPart,
  'resolv-conf': "the host's own is used",
  'swarm-raft-election-tick': noPart,
  'swarm-raft-heartbeat-tick': noPart,
}

/** Options that would weaken what they promise if they were accepted and not done. */
export const refusedOptions: readonly Option[] = [
  {
    flag: 'api-cors-header',
    kind: string,
    default: '',
    help: 'Removed: use a reverse proxy if you need CORS headers',
  },
  {
    flag: 'authorization-plugin',
    key: 'authorization-plugins',
    kind: list(),
    default: [],
    help: 'Not supported: Gantry has no authorization plugins',
  },
  {
    flag: 'iptables',
    kind: boolean,
    default: true,
    help: 'Always on: ports are published, and kept from being reached unpublished, by a table of nftables',
  },
  { flag: 'rootless', kind: boolean, default: false, help: 'Not supported: the daemon runs as root' },
]
