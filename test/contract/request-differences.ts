// Where gantryd is right to answer otherwise to requests that programs make.

const newer = 'newer dockerd'
const types = 'requests: values of a wrong type'
const conflicts = 'requests: conflicts and values that are none'
const atStart = 'requests: what shows at the start'
const early = 'a sentence of the engine, not a failure of the runtime'
const sooner = 'refused when it is created; dockerd fails at its start, or does without'

const badInput = [
  types,
  conflicts,
  'requests: impossible processors',
  'requests: impossible rates of block devices',
  'streams: logs by queries of programs',
].map(scenario => ({ scenario, from: /^500$/gm, to: '400', why: 'bad input is no failure of the daemon' }))

/** Created by dockerd, refused here with `message`. */
const refused = (body: string, message: string) => ({
  scenario: conflicts,
  from: new RegExp(`^(\\{"Image":"busybox",${body.replace(/[[\]{}/]/g, '\\$&')}\\})\\n\\{"Id":.*\\n201$`, 'm'),
  to: `$1\n{"message":"${message}"}\n400`,
  why: sooner,
})

/** As the differences between the commands. */
export const requestDifferences = [
  ...badInput,
  { scenario: types, from: /(?:runconfig\.)?ContainerConfigWrapper/g, to: 'CreateRequest', why: newer },
  { scenario: types, from: /\bHealthConfig\./g, to: 'HealthcheckConfig.', why: newer },
  { scenario: types, from: /container\.HealthConfig/g, to: 'HealthcheckConfig', why: newer },
  { scenario: types, from: /nat\.PortSet/g, to: 'map[string]struct {}', why: 'the same type' },
  { scenario: types, from: /time\.Duration/g, to: 'int64', why: 'the same type' },
  { scenario: types, from: /mount\.Type/g, to: 'string', why: 'the same type' },
  {
    scenario: types,
    from: /\*?(?:container|network|units|nat|mount)\.([A-Z])/g,
    to: '$1',
    why: 'there are no packages of Go',
  },
  { from: /"Config cannot be empty/g, to: '"config cannot be empty', why: newer },
  { scenario: conflicts, from: /Invalid isolation: \\"hyperv\\" -/, to: 'invalid isolation (hyperv):', why: newer },
  { scenario: conflicts, from: /Unknown runtime specified/, to: 'unknown or invalid runtime name:', why: newer },
  { scenario: conflicts, from: /"Invalid network mode:/, to: '"invalid network mode:', why: newer },
  { scenario: conflicts, from: /"No command specified/, to: '"no command specified', why: newer },
  refused('"HostConfig":{"IpcMode":"nothing"}', 'Invalid IPC mode: nothing'),
  refused('"HostConfig":{"PidMode":"private"}', 'Invalid PID mode: private'),
  refused('"HostConfig":{"PidMode":"container:"}', 'Invalid PID mode: container:'),
  refused('"HostConfig":{"UTSMode":"private"}', 'Invalid UTS mode: private'),
  refused('"HostConfig":{"UsernsMode":"x"}', 'invalid user namespace mode'),
  refused('"HostConfig":{"LogConfig":{"Config":{"max-size":"x"}}}', "invalid size: 'x'"),
  refused('"HostConfig":{"Tmpfs":{"/x":"nothing"}}', 'invalid tmpfs option [\\"nothing\\"]'),
  refused('"Volumes":{"/":{}}', "invalid specification: destination can't be '/'"),
  refused('"Volumes":{"":{}}', "invalid specification: destination can't be '/'"),
  refused(
    '"NetworkingConfig":{"EndpointsConfig":{"bridge":{"Aliases":["x"]}}}',
    'network-scoped alias is supported only for containers in user defined networks',
  ),
  {
    scenario: atStart,
    from: /failed to create shim task: OCI runtime create failed: runc create failed: (.*): unknown"/g,
    to: '$1"',
    why: 'one layer says it',
  },
  { scenario: atStart, from: /^(.*"(?:sysctl|invalid|shares|Unable).*)\n500$/gm, to: '$1\n400', why: early },
  {
    scenario: atStart,
    from: /error during container init: write (\/proc\S+): invalid argument/,
    to: 'write to $1: Invalid argument',
    why: 'crun words it so',
  },
  {
    scenario: atStart,
    from: /error during container init: (open \/proc\S+): no such file/,
    to: '$1: No such file',
    why: 'crun words it so',
  },
  {
    scenario: atStart,
    from: /wrong rlimit value: (\w+)/,
    to: 'unable to start container process: invalid rlimit `$1`',
    why: 'crun words it so',
  },
  {
    scenario: atStart,
    from: /error during container init: error setting rlimits for ready process: error setting rlimit type 7: invalid/,
    to: 'setrlimit `RLIMIT_NOFILE`: Invalid',
    why: 'crun words it so',
  },
]
