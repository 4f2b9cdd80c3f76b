// From create to rm: stop, kill, wait, restart, pause, rename, top, prune.

import type { Scenarios } from '../scenario.ts'

const start = (name: string) => `docker run -d --name ${name} busybox sleep 300 >/dev/null`
const trapping = (name: string, signal: string, code: number) =>
  `docker run -d --name ${name} busybox sh -c "trap 'exit ${code}' ${signal}; echo ready; while :; do sleep .05; done" >/dev/null; until docker logs ${name} | grep -q ready; do sleep .05; done`
const state = (name: string) =>
  `docker inspect ${name} --format "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Dead}} {{.State.Error}}"`

export const lifecycle: Scenarios = {
  'create and start': [
    'docker create --name c busybox echo hi | wc -c',
    state('c'),
    'docker start c',
    'docker wait c',
    state('c'),
    'docker logs c',
    'docker start c && docker wait c && docker logs c',
    'docker create nothing',
    'docker create --name d busybox "" | wc -c; docker start d',
  ],
  stop: [
    trapping('c', 'TERM', 3),
    'docker stop c',
    state('c'),
    'docker stop c',
    `${start('d')}; docker stop -t 1 d; ${state('d')}`,
    `${start('e')}; docker stop --signal KILL e; ${state('e')}`,
    'docker stop nothing',
    `${start('f')}; ${start('g')}; docker stop -t 0 f g nothing`,
    'docker create --name h busybox >/dev/null; docker stop h',
    'docker stop',
  ],
  kill: [
    `${start('c')}; docker kill c; ${state('c')}`,
    'docker kill c 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    trapping('d', 'USR1', 8),
    `docker kill -s USR1 d; docker wait d; ${state('d')}`,
    `${start('e')}; docker kill -s SIGKILL e; docker wait e`,
    `${start('f')}; docker kill -s 9 f; docker wait f`,
    `${start('g')}; docker kill -s NOTHING g; docker kill -s 99 g; docker kill -s 0 g; docker kill -s CHLD g; ${state('g')}`,
    'docker kill nothing',
    `${trapping('h', 'RTMIN+3', 6)} 2>/dev/null; docker kill -s RTMIN+3 h; docker wait h`,
  ],
  wait: [
    'docker run -d --name c busybox sh -c "exit 9" >/dev/null; docker wait c',
    'docker run -d --name d busybox sh -c "sleep .5; exit 4" >/dev/null; docker wait c d',
    'docker wait nothing',
    'docker wait c nothing d',
  ],
  restart: [
    trapping('c', 'TERM', 0),
    'before=$(docker inspect c --format "{{.State.StartedAt}}"); docker restart c; test "$before" != "$(docker inspect c --format "{{.State.StartedAt}}")" && echo later',
    'docker inspect c --format "{{.State.Status}} {{.RestartCount}}"',
    'docker create --name d busybox sleep 300 >/dev/null; docker restart -t 0 d; docker inspect d --format "{{.State.Status}}"',
    'docker restart nothing',
    'docker run --name e busybox sh -c "echo once >> /f; wc -l < /f"; docker restart e; docker wait e; docker logs e',
  ],
  pause: [
    `${start('c')}; docker pause c; ${state('c')}`,
    'docker ps --format "{{.Names}} {{.Status}}" | sed "s/Up.*(/Up (/"',
    'docker pause c 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker unpause c',
    state('c'),
    'docker unpause c 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker pause nothing',
    'docker create --name d busybox >/dev/null; docker pause d 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker pause c; docker stop -t 1 c; docker inspect c --format "{{.State.Status}}"',
    `${start('e')}; docker pause e; docker kill e; docker inspect e --format "{{.State.Status}}"`,
    `${start('f')}; docker pause f; docker rm f; docker rm -f f`,
  ],
  rename: [
    `${start('c')}; docker rename c d; docker inspect d --format "{{.Name}}"; docker inspect c`,
    `${start('e')}; docker rename d e 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"`,
    'docker rename nothing x',
    'docker rename d "bad name"',
    'docker rename d d 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker rename d ""',
    'docker exec d true && echo runs on',
  ],
  remove: [
    `${start('c')}; docker rm c 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"`,
    'docker rm -f c',
    'docker rm c',
    'docker rm -f c',
    'docker create --name d busybox >/dev/null; docker create --name e busybox >/dev/null; docker rm d nothing e',
    `${start('f')}; id=$(docker inspect f --format "{{.Id}}"); docker rm -f $(echo $id | cut -c1-12) | wc -c`,
    'docker rm',
  ],
  'names by beginning of id': [
    `${start('c')}; id=$(docker inspect c --format "{{.Id}}"); docker inspect $(echo $id | cut -c1-6) --format "{{.Name}}"; docker exec $id true && echo found`,
    'docker inspect zzzz',
    'docker inspect /c --format "{{.Name}}"',
  ],
  top: [
    `${start('c')}; docker top c -o comm,args`,
    'docker top c -o pid,args | head -1',
    'docker top c | head -1',
    'docker top c -o nothing; docker top nothing',
    'docker create --name d busybox >/dev/null; docker top d 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
  ],
  prune: [
    `docker create --name c busybox >/dev/null; ${start('d')}; docker container prune -f | sed "s/^[0-9a-f]\\{64\\}$/ID/;s/space:.*//"; docker ps -a --format "{{.Names}}"`,
    'docker container prune -f --filter label=nothing',
    'docker container prune -f --filter colour=red',
    'docker create --name e --label keep busybox >/dev/null; docker container prune -f --filter "label!=keep" | wc -l; docker ps -aq | wc -l',
  ],
  'what a container wrote stays until it is removed': [
    'docker run --name c busybox sh -c "echo x > /f"; docker start c; docker wait c; docker cp c:/f - 2>/dev/null | tar -xO 2>/dev/null',
    'docker diff c 2>/dev/null',
  ],
}
