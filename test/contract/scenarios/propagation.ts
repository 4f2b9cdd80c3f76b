// How mounts travel between the host and containers.

import type { Scenarios } from '../scenario.ts'

/** Runs a container that may mount, with the directory `m` of the host at /b. */
const lasting = (name: string, mode: string) =>
  `docker run -d --name ${name} --cap-add SYS_ADMIN --mount "type=bind,src=$PWD/m,dst=/b${mode}" busybox sleep 300 >/dev/null && echo started`

/** Whether the host sees what the container mounts, and the container what the host does. */
const exchange = (name: string) => [
  `docker exec ${name} sh -c "mkdir -p /b/in && mount -t tmpfs in /b/in"; grep -c " $PWD/m/in " /proc/self/mountinfo`,
  `mkdir -p m/out && mount -t tmpfs out m/out; docker exec ${name} grep -c " /b/out " /proc/self/mountinfo`,
  `docker exec ${name} cat /proc/self/mountinfo | grep " /b " | grep -o "shared:\\|master:" | sort`,
  `docker rm -f ${name}; umount m/out; umount -q m/in; true`,
]

const inspected =
  'docker inspect p1 --format "{{range .Mounts}}{{.Destination}} {{.Propagation}} {{.RW}};{{end}}" | tr ";" "\\n" | sort'

export const propagation: Scenarios = {
  'a mount that is not shared': [
    'mkdir m && mount -t tmpfs m m && mount --make-private m && mkdir m/sub',
    ...['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate'].flatMap(mode => [
      `docker run --rm -v "$PWD/m/sub:/b:${mode}" busybox echo ${mode}`,
      `docker run --rm --mount "type=bind,src=$PWD/m,dst=/b,bind-propagation=${mode}" busybox echo ${mode}`,
    ]),
    lasting('p1', ''),
    ...exchange('p1'),
    'umount m && rmdir m',
  ],
  'a mount that is shared': [
    'mkdir m && mount -t tmpfs m m && mount --make-shared m',
    ...[
      '',
      ',bind-propagation=rshared',
      ',bind-propagation=shared',
      ',bind-propagation=rslave',
      ',bind-propagation=slave',
    ]
      .map((mode, index) => [lasting(`p${index}`, mode), ...exchange(`p${index}`)])
      .flat(),
    'docker run --rm -v "$PWD/m:/b:shared,ro" busybox sh -c "touch /b/x; cat /proc/self/mountinfo" | grep " /b " | grep -c shared:',
    'docker create --name p1 -v "$PWD/m:/b:rshared" -v "$PWD/m:/c:ro,slave" -v "$PWD/m:/d" busybox >/dev/null; ' +
      inspected,
    'docker start -a p1',
    'docker rm p1; umount m && rmdir m',
  ],
  'a mount that is a slave': [
    'mkdir m && mount -t tmpfs m m && mount --make-shared m && mkdir -p m/x s && mount --bind m s && mount --make-slave s',
    ...['shared', 'slave', 'private'].map(mode => `docker run --rm -v "$PWD/s:/b:${mode}" busybox echo ${mode}`),
    'docker run -d --name p1 -v "$PWD/s:/b:rslave" busybox sleep 300 >/dev/null; mount -t tmpfs x m/x; docker exec p1 grep -c " /b/x " /proc/self/mountinfo',
    'docker rm -f p1; umount m/x s m && rmdir m s',
  ],
}
