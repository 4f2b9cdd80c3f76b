// Where gantryd is right to answer otherwise than the dockerd it is compared with, and why.

import { requestDifferences } from './request-differences.ts'

/** What dockerd prints as `from` gantryd prints as `to`. As narrow as it can be. */
export interface Difference {
  /** `area: name`; without it, any. */
  readonly scenario?: string
  readonly from: RegExp
  readonly to: string
  readonly why: string
}

const newer = 'dockerd 28 words it so'
const plain = 'one sentence instead of a prefix from each layer'

export const differences: readonly Difference[] = [
  ...requestDifferences,
  {
    from: /failed to create shim task: OCI runtime create failed: runc create failed: (.*): unknown$/gm,
    to: '$1',
    why: plain,
  },
  { from: /OCI runtime exec failed: exec failed: (.*): unknown$/gm, to: 'OCI runtime exec failed: $1', why: plain },
  {
    from: /Error response from daemon: Invalid filter /g,
    to: 'Error response from daemon: invalid filter ',
    why: newer,
  },
  {
    from: /Error response from daemon: Container (ID|[\w<>]+) is not running/g,
    to: 'Error response from daemon: container $1 is not running',
    why: newer,
  },
  {
    from: /^fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix$/gm,
    to: 'fe00::\tip6-localnet\nff00::\tip6-mcastprefix',
    why: newer,
  },
  {
    scenario: 'network: networks by filters',
    from: /invalid value for filter 'dangling', must be "true" \(or "1"\), or "false" \(or "0"\)/,
    to: "invalid filter 'dangling=[maybe]'",
    why: newer,
  },
  { from: /^ff00::0\tip6-mcastprefix$/gm, to: 'ff00::\tip6-mcastprefix', why: newer },
  { from: /^(search .*)\n(nameserver .*)$/gm, to: '$2\n$1', why: newer },
  {
    from: /no such image: (\S+): No such image/g,
    to: 'No such image',
    why: newer,
  },
  {
    scenario: 'images: inspect an image',
    from: /no such image: Not A Reference: invalid reference format: repository name must be lowercase/,
    to: 'invalid reference format: repository name (library/Not A Reference) must be lowercase',
    why: newer,
  },
  {
    scenario: 'images: save and load again',
    from: /No such image: nothing$/m,
    to: 'No such image: nothing:latest',
    why: newer,
  },
  {
    from: /Error processing tar file\(exit status 1\): (cannot overwrite|".*" is outside)/g,
    to: '$1',
    why: 'nothing is unpacked by a program of its own',
  },
  {
    scenario: 'files: cp of archives',
    from: /Error processing tar file\(exit status 1\): unexpected EOF/g,
    to: 'archive/tar: the archive is truncated: unexpected EOF',
    why: 'nothing is unpacked by a program of its own',
  },
  {
    scenario: 'images: bad archives are refused',
    from: /Error processing tar file\(exit status 1\): unexpected EOF/g,
    to: 'archive/tar: the archive is truncated: unexpected EOF',
    why: 'nothing is unpacked by a program of its own',
  },
  {
    scenario: 'images: bad archives are refused',
    from: /open <dir>\/data\/tmp\/docker-import-<number>\/repositories: no such file or directory/,
    to: 'invalid archive: does not contain a manifest.json',
    why: 'says what is wrong with the archive, not with a file of the daemon',
  },
  {
    scenario: 'images: bad archives are refused',
    from: /open <dir>\/data\/tmp\/docker-import-<number>\/l\.tar: no such file or directory/,
    to: 'invalid archive: does not contain "l.tar"',
    why: 'says what is wrong with the archive, not with a file of the daemon',
  },
  {
    scenario: 'images: bad archives are refused',
    from: /invalid character 'b' looking for beginning of object key string/,
    to: 'invalid image JSON',
    why: 'says what is not JSON',
  },
  {
    scenario: 'images: bad archives are refused',
    from: /evalSymlinksInScope: .*$/m,
    to: '"../../../../etc/passwd" is outside of the layer',
    why: 'says what is wrong with the archive, not with a file of the daemon',
  },
  {
    scenario: 'run: flags that do not exist or do not fit',
    from: /Unknown runtime specified nothing/,
    to: 'unknown or invalid runtime name: nothing',
    why: newer,
  },
  {
    scenario: 'run: flags that do not exist or do not fit',
    from: /Invalid isolation: "hyperv" - linux only supports 'default'/,
    to: "invalid isolation (hyperv): linux only supports 'default'",
    why: newer,
  },
  {
    scenario: 'run: what cannot be executed is 127 or 126',
    from: /No command specified/,
    to: 'no command specified',
    why: newer,
  },
  {
    scenario: 'run: working directory',
    from: /Cannot mkdir: \/etc\/passwd is not a directory/,
    to: 'unable to start container process: chdir `/etc/passwd`: Not a directory',
    why: 'the runtime makes the working directory, in the container’s own file system',
  },
  {
    scenario: 'limits: mounts inside',
    from: /^\/proc\/irq proc$/m,
    to: '/proc/interrupts devtmpfs\n/proc/irq proc',
    why: 'dockerd 28 masks it too',
  },
  {
    scenario: 'limits: mounts inside',
    from: /^(\/proc\/(?:keys|timer_list)) tmpfs$/gm,
    to: '$1 devtmpfs',
    why: 'crun masks with the host’s /dev/null',
  },
  { scenario: 'limits: mounts inside', from: /^fd$/m, to: 'core\nfd', why: 'crun makes /dev/core' },
  {
    scenario: 'limits: mounts inside',
    from: /^lrwxrwxrwxfd/m,
    to: 'lrwxrwxrwxcore -> /proc/kcore\nlrwxrwxrwxfd',
    why: 'crun makes /dev/core',
  },
  {
    from: /You cannot remove a paused container <id>. Unpause and then stop the container before attempting removal or force remove/,
    to: 'cannot remove container "/s1": container is paused and must be unpaused first',
    why: newer,
  },
  {
    scenario: 'lifecycle: remove',
    from: /You cannot remove a running container ID. Stop the container before attempting removal or force remove/,
    to: 'cannot remove container "/p1": container is running: stop the container before removing or force remove',
    why: newer,
  },
  {
    scenario: 'listing: info',
    from: /inactive false$/m,
    to: 'inactive true',
    why: 'containers always outlive the daemon',
  },
  { scenario: 'listing: info', from: /profile=default/, to: 'profile=builtin', why: newer },
  { scenario: 'listing: info', from: /docker-init$/m, to: 'gantry-init', why: 'it is another program' },
  {
    scenario: 'listing: inspect: host config',
    from: /"NetworkMode":"default"/g,
    to: '"NetworkMode":"bridge"',
    why: newer,
  },
  {
    scenario: 'listing: inspect: host config',
    from: /"Runtime":"runc"/g,
    to: '"Runtime":"crun"',
    why: 'the fastest runtime that works is the default',
  },
  { scenario: 'listing: ps', from: /no such container nothing/, to: 'No such container: nothing', why: newer },
  {
    scenario: 'listing: ps',
    from: /strconv.Atoi: parsing "bad": invalid syntax/,
    to: "invalid filter 'exited=bad'",
    why: 'says which filter',
  },
  { scenario: 'observe: ps: filters', from: /no such container nothing/, to: 'No such container: nothing', why: newer },
  {
    scenario: 'observe: ps: filters',
    from: /"message":"invalid character 'b' looking for beginning of value"/,
    to: '"message":"invalid filter"',
    why: newer,
  },
  {
    scenario: 'observe: events: filters',
    from: /\["a","exitCode"/,
    to: '["a","execDuration","exitCode"',
    why: newer,
  },
  { scenario: 'observe: system df and prune', from: /"BuilderSize",/, to: '', why: 'not there since API 1.42' },
  {
    scenario: 'listing: the client without an engine',
    from: /^! {2}config {2}Manage Swarm configs\n! {2}node.*\n! {2}secret.*\n! {2}service.*\n! {2}stack.*\n/m,
    to: '',
    why: 'dockerd 28 tells in its ping as well that there is no swarm',
  },
  { scenario: 'listing: version', from: /^1\.12$/m, to: '1.24', why: 'older versions are not served' },
  {
    scenario: 'listing: version',
    from: /Maximum supported API version is 1\.41/,
    to: 'Maximum supported API version is 1.56',
    why: newer,
  },
  {
    scenario: 'listing: version',
    from: /Minimum supported API version is 1\.12/,
    to: 'Minimum supported API version is 1.24',
    why: 'older versions are not served',
  },
  {
    scenario: 'mounts: volume commands',
    from: /^! "--all" requires API version 1\.42, but the Docker daemon API version is 1\.41$/m,
    to: 'Deleted Volumes:\nID\n\nTotal reclaimed',
    why: newer,
  },
  {
    scenario: 'mounts: volume commands',
    from: /^<id>\n(exit status 0\n*)$/m,
    to: '$1',
    why: 'the volume has been pruned',
  },
  {
    from: /(?<=daemon: |message":")invalid restart policy 'sometimes'/g,
    to: "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
    why: newer,
  },
  {
    from: /maximum retry count cannot be used with restart policy '(always|no|unless-stopped)'/g,
    to: "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    why: newer,
  },
  {
    from: /(?<="|daemon: )maximum retry count cannot be negative/g,
    to: 'invalid restart policy: maximum retry count cannot be negative',
    why: newer,
  },
  {
    scenario: 'run: flags that do not exist or do not fit',
    from: /^1\n(exit status 0\n*)$/m,
    to: '0\n$1',
    why: 'an unknown runtime is refused before there is a container',
  },
  { scenario: 'network: bridge', from: / default$/m, to: ' bridge', why: newer },
  {
    scenario: 'network: another container’s',
    from: /cannot join network of a non running/,
    to: 'cannot join network namespace of a non running',
    why: 'names what is shared',
  },
  {
    scenario: 'exec: options',
    from: /chdir to cwd \("\/nothing"\) set in config.json failed: no such file or directory\r\nexit status 126/,
    to: 'chdir `/nothing`: No such file or directory\r\nexit status 127',
    why: 'crun words it so; 127 stands for what is not there',
  },
  {
    scenario: 'exec: options',
    from: /Cwd must be an absolute path\r\nexit status 126/,
    to: 'unable to start container process: chdir `relative`: No such file or directory\r\nexit status 127',
    why: 'crun words it so; 127 stands for what is not there',
  },
  {
    from: /(OCI runtime exec failed: .*(?:executable file not found in \$PATH|no such file or directory)\r)\nexit status 126/g,
    to: '$1\nexit status 127',
    why: newer,
  },
  {
    scenario: 'exec: what cannot be',
    from: /Container q1 is paused, unpause/,
    to: 'container q1 is paused, unpause',
    why: newer,
  },
  {
    from: /Cannot kill container: p1: Container ID/g,
    to: 'cannot kill container: p1: container ID',
    why: newer,
  },
  {
    from: /Cannot kill container: (p1|t1): The linux/g,
    to: 'cannot kill container: $1: the linux',
    why: newer,
  },
  {
    from: /Cannot kill container: nothing/g,
    to: 'cannot kill container: nothing',
    why: newer,
  },
  { scenario: 'ending: wait conditions', from: /\{"Error":null,"StatusCode"/g, to: '{"StatusCode"', why: newer },
  {
    scenario: 'ending: restart policies at create',
    from: /\{"Name":"","MaximumRetryCount":0\}/,
    to: '{"Name":"no","MaximumRetryCount":0}',
    why: newer,
  },
  {
    scenario: 'listing: inspect: network settings',
    from: /"SandboxID":"<id>",\n"SandboxKey":"<path>",\n("Ports":\{\})/,
    to: '"SandboxID":"",\n"SandboxKey":"",\n$1',
    why: newer,
  },
  {
    scenario: 'listing: events',
    from: /container die <id> \(a=1, exitCode=0/g,
    to: 'container die <id> (a=1, execDuration=0, exitCode=0',
    why: newer,
  },
  { scenario: 'listing: events of each command', from: /^(exec_(?:create|start): true)  /gm, to: '$1 ', why: newer },
  {
    scenario: 'listing: events of each command',
    from: /(?:volume create v1 local <no value>\n){2}/,
    to: 'volume create v1 local <no value>\n',
    why: 'it was created once',
  },
  {
    scenario: 'sharing: pid, uts, cgroup and user namespaces',
    from: /sysctl "kernel.domainname" is not in a separate kernel namespace/,
    to: 'unable to start container process: the sysctl `kernel.domainname` requires a new UTS namespace',
    why: 'crun words it so',
  },
  {
    scenario: 'sharing: volumes from others',
    from: /invalid name or ID supplied: ""/,
    to: 'invalid container reference: the name or ID is empty',
    why: 'says what the name is for',
  },
  { from: /failed to initialize logging driver: /g, to: '', why: plain },
]

const used = new Set<Difference>()

/** The transcript gantryd must give, from dockerd's. */
export function expectedFrom(transcript: string, scenario: string): string {
  let expected = transcript
  for (const difference of differences) {
    if (difference.scenario !== undefined && difference.scenario !== scenario) continue
    if (expected.search(difference.from) >= 0) used.add(difference)
    expected = expected.replace(difference.from, difference.to)
  }
  return expected
}

/** Differences that did not occur in any transcript so far: they are to be deleted. */
export function staleDifferences(): Difference[] {
  return differences.filter(difference => !used.has(difference))
}
