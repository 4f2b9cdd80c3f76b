// Log drivers and their options.

import type { Scenarios } from '../scenario.ts'

const refused = (driver: string, ...options: string[]) =>
  `docker create --log-driver ${driver} ${options.map(option => `--log-opt '${option}'`).join(' ')} busybox true`
const notStarted = (driver: string, ...options: string[]) =>
  `docker run --log-driver ${driver} ${options.map(option => `--log-opt '${option}'`).join(' ')} busybox true`

// A log with an empty line and one without an end; by another container one with both streams, whose order is by chance. A
// driver that sends them away must lose nothing of dockerd's copy: over UDP gelf does while nobody listens, syslog doesn't.
const shown = (flags: string) => `echo "[${flags}]"; docker logs ${flags} p1`
const readBack = (driver: string, ...options: string[]) => {
  const given = `--label a=b --log-driver ${driver} ${options.map(option => `--log-opt ${option}`).join(' ')}`
  return [
    `docker run --name p1 ${given} busybox sh -c "echo one; sleep .1; echo; printf three"`,
    `at=$(docker logs -t p1 | sed -n 2p | cut -d" " -f1); ${['--since $at', '--until $at', '--since $at --until $at', '-f --since $at -t'].map(shown).join('; ')}`,
    ['', '-t', '--details', '-t --details', '--tail 0', '--tail 1', '-n 2 -t', '-n 99', '-f', '-f --tail 1']
      .map(shown)
      .join('; '),
    'docker start -a p1; docker logs p1; docker logs -n 2 p1',
    `docker run --name q1 ${given} busybox sh -c "echo out; echo err >&2"; docker logs q1 2>/dev/null; docker logs -t --details q1 2>&1 >/dev/null; docker logs -f q1 2>&1 | wc -l`,
  ]
}

export const logging: Scenarios = {
  'options of json-file': [
    refused('json-file', 'nothing=1'),
    refused('json-file', 'mode=x'),
    refused('json-file', 'max-buffer-size=1m'),
    refused('json-file', 'mode=non-blocking', 'max-buffer-size=x'),
    refused('json-file', 'mode=blocking', 'max-buffer-size=1m'),
    refused('json-file', 'mode=', 'max-buffer-size=1m'),
    refused('json-file', 'max-buffer-size=x'),
    notStarted('json-file', 'mode=non-blocking', 'max-buffer-size=-1'),
    notStarted('json-file', 'mode=non-blocking', 'max-buffer-size=0'),
    notStarted('json-file', 'mode=non-blocking', 'max-buffer-size='),
    refused('local', 'max-buffer-size=1m'),
    refused('none', 'max-buffer-size=1m'),
    refused('none', 'mode=x'),
    refused('json-file', 'cache-disabled=x'),
    refused('json-file', 'cache-foo=x'),
    notStarted('json-file', 'max-size=0', 'max-file=2'),
    notStarted('json-file', 'max-file=x'),
    notStarted('json-file', 'compress=maybe'),
    notStarted('json-file', 'compress=true', 'max-file=1'),
    notStarted('json-file', 'tag={{'),
    'docker run --rm --log-opt mode=non-blocking --log-opt max-buffer-size=1m --log-opt compress=true --log-opt max-size=1m --log-opt max-file=3 busybox echo yes',
  ],
  'tags and details': [
    `docker run --name p1 --log-opt tag="{{.Name}}/{{.ImageName}}/{{.DaemonName}}/{{.Command}}/{{len .FullID}} !'()*~" busybox echo hi; docker logs --details p1`,
    'docker run --name q1 --log-opt labels-regex="^a" --log-opt labels=b,nothing --log-opt env-regex="^[BC]" --label ab=1 --label b="two words" --label c=3 -e B=1 -e CC=2 -e D=3 busybox echo hi; docker logs --details q1',
    'docker run --name r1 busybox echo hi; docker logs --details -t r1 | cut -c 31-; docker inspect r1 -f "{{json .HostConfig.LogConfig}}"',
    'docker create --name s1 busybox true >/dev/null; docker inspect s1 -f "[{{.LogPath}}]"; docker start s1 >/dev/null; docker wait s1; docker inspect s1 -f "{{.LogPath}}"',
  ],
  local: [
    'docker run --name p1 --log-driver local busybox sh -c "echo out; echo err >&2; printf end"',
    'docker logs p1 2>&1 >/dev/null; docker logs p1 2>/dev/null; docker logs --tail 1 p1; docker logs --details p1 2>/dev/null; docker logs -t p1 2>/dev/null | wc -l',
    'docker inspect p1 -f "[{{.LogPath}}] {{json .HostConfig.LogConfig}}"',
    'docker run -d --name q1 --log-driver local busybox sh -c "for i in 1 2 3; do echo \\$i; sleep .1; done" >/dev/null; docker logs -f q1',
    'docker run --name r1 --log-driver local --log-opt max-size=20k --log-opt max-file=3 busybox seq 1 3000 | tail -1; docker logs --tail 2 r1',
    refused('local', 'labels=a'),
    notStarted('local', 'max-size=bad'),
    notStarted('local', 'max-file=bad'),
    notStarted('local', 'max-file=0'),
    notStarted('local', 'max-file=1'),
    notStarted('local', 'compress=bad'),
  ],
  'options of gelf': [
    refused('gelf'),
    refused('gelf', 'gelf-address=foo'),
    refused('gelf', 'gelf-address=unix:///x'),
    refused('gelf', 'gelf-address=udp://localhost'),
    refused('gelf', 'gelf-address=udp://localhost:1', 'x=y'),
    refused('gelf', 'gelf-address=udp://localhost:1', 'gelf-compression-type=x'),
    refused('gelf', 'gelf-address=udp://localhost:1', 'gelf-compression-level=10'),
    refused('gelf', 'gelf-address=tcp://localhost:1', 'gelf-compression-type=gzip'),
    refused('gelf', 'gelf-address=udp://localhost:1', 'gelf-tcp-max-reconnect=1'),
    refused('gelf', 'gelf-address=tcp://localhost:1', 'gelf-tcp-reconnect-delay=-1'),
    'docker create --name p1 --log-driver gelf --log-opt gelf-address=udp://localhost:1 --log-opt gelf-compression-level=9 busybox true; docker inspect p1 -f "[{{.LogPath}}] {{json .HostConfig.LogConfig}}"; docker logs p1',
  ],
  'options of syslog': [
    refused('syslog', 'x=y'),
    refused('syslog', 'syslog-address=http://foo'),
    refused('syslog', 'syslog-address=unix:///nothing/there'),
    refused('syslog', 'syslog-address=udp://a:b:c'),
    refused('syslog', 'syslog-address=tcp://a:1:2'),
    refused('syslog', 'syslog-facility=x'),
    refused('syslog', 'syslog-facility=24'),
    refused('syslog', 'syslog-format=x'),
    'docker create --log-driver syslog --log-opt syslog-address=tcp://localhost --log-opt syslog-facility=local7 --log-opt syslog-format=rfc5424micro busybox true',
  ],
  'options of fluentd': [
    refused('fluentd', 'x=y'),
    refused('fluentd', 'fluentd-address=a:b:c'),
    refused('fluentd', 'fluentd-address=localhost:x'),
    refused('fluentd', 'fluentd-buffer-limit=x'),
    refused('fluentd', 'fluentd-retry-wait=x'),
    refused('fluentd', 'fluentd-max-retries=-1'),
    refused('fluentd', 'fluentd-async=x'),
    refused('fluentd', 'fluentd-async=true', 'fluentd-async-connect=true'),
    refused('fluentd', 'fluentd-sub-second-precision=x'),
    'docker create --log-driver fluentd --log-opt fluentd-address=localhost --log-opt fluentd-max-retries=3 --log-opt fluentd-retry-wait=1.5s busybox true',
  ],
  'options of journald': [refused('journald', 'x=y')],
  'logs of json-file, by each flag': readBack('json-file', 'labels=a'),
  'logs of local, by each flag': readBack('local'),
  'logs of syslog, by each flag': readBack('syslog', 'syslog-address=udp://127.0.0.1:1'),
  none: [
    'docker run --name p1 --log-driver none busybox echo seen; docker logs p1; docker inspect p1 -f "[{{.LogPath}}] {{json .HostConfig.LogConfig}}"',
  ],
}
