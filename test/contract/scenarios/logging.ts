// Log drivers and their options.

import type { Scenarios } from '../scenario.ts'

const refused = (driver: string, ...options: string[]) =>
  `docker create --log-driver ${driver} ${options.map(option => `--log-opt '${option}'`).join(' ')} busybox true`
const notStarted = (driver: string, ...options: string[]) =>
  `docker run --log-driver ${driver} ${options.map(option => `--log-opt '${option}'`).join(' ')} busybox true`

export const logging: Scenarios = {
  'options of json-file': [
    refused('json-file', 'nothing=1'),
    refused('json-file', 'mode=x'),
    refused('json-file', 'max-buffer-size=1m'),
    refused('json-file', 'mode=non-blocking', 'max-buffer-size=x'),
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
  none: [
    'docker run --name p1 --log-driver none busybox echo seen; docker logs p1; docker inspect p1 -f "[{{.LogPath}}] {{json .HostConfig.LogConfig}}"',
  ],
}
