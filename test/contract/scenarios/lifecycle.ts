// From create to rm: stop, kill, wait, restart, pause, rename, top, prune.

import type { Scenarios } from '../scenario.ts'

const start = (name: string) => `docker run -d --name ${name} busybox sleep 300 >/dev/null`
const trapping = (name: string, signal: string, code: number) =>
  `docker run -d --name ${name} busybox sh -c "trap 'exit ${code}' ${signal}; echo ready; while :; do sleep .05; done" >/dev/null; until docker logs ${name} | grep -q ready; do sleep .05; done`
const state = (name: string) =>
  `docker inspect ${name} --format "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Dead}} {{.State.Error}}"`

export const lifecycle: Scenarios = {
  'create and start': [
    'docker create --name c1 busybox echo hi | wc -c',
    state('c1'),
    'docker start c1',
    'docker wait c1',
    state('c1'),
    'docker logs c1',
    'docker start c1 && docker wait c1 && docker logs c1',
    'docker create --pull never nothing',
    'docker create --name d1 busybox "" | wc -c; docker start d1',
  ],
  stop: [
    trapping('c1', 'TERM', 3),
    'docker stop c1',
    state('c1'),
    'docker stop c1',
    `${start('d1')}; docker stop -t 1 d1; ${state('d1')}`,
    `${start('e1')}; docker stop --signal KILL e1; ${state('e1')}`,
    'docker stop nothing',
    `${start('f1')}; ${start('g1')}; docker stop -t 0 f1 g1 nothing`,
    'docker create --name h1 busybox >/dev/null; docker stop h1',
    'docker stop',
  ],
  kill: [
    `${start('c1')}; docker kill c1; ${state('c1')}`,
    'docker kill c1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    trapping('d1', 'USR1', 8),
    `docker kill -s USR1 d1; docker wait d1; ${state('d1')}`,
    `${start('e1')}; docker kill -s SIGKILL e1; docker wait e1`,
    `${start('f1')}; docker kill -s 9 f1; docker wait f1`,
    `${start('g1')}; docker kill -s NOTHING g1; docker kill -s 99 g1; docker kill -s 0 g1; docker kill -s CHLD g1; ${state('g1')}`,
    'docker kill nothing',
    `${trapping('h1', '37', 6)} 2>/dev/null; docker kill -s RTMIN+3 h1; docker wait h1`,
  ],
  wait: [
    'docker run -d --name c1 busybox sh -c "exit 9" >/dev/null; docker wait c1',
    'docker run -d --name d1 busybox sh -c "sleep .5; exit 4" >/dev/null; docker wait c1 d1',
    'docker wait nothing',
    'docker wait c1 nothing d1',
  ],
  restart: [
    trapping('c1', 'TERM', 0),
    'before=$(docker inspect c1 --format "{{.State.StartedAt}}"); docker restart c1; test "$before" != "$(docker inspect c1 --format "{{.State.StartedAt}}")" && echo later',
    'docker inspect c1 --format "{{.State.Status}} {{.RestartCount}}"',
    'docker create --name d1 busybox sleep 300 >/dev/null; docker restart -t 0 d1; docker inspect d1 --format "{{.State.Status}}"',
    'docker restart nothing',
    'docker run --name e1 busybox sh -c "echo once >> /f; wc -l < /f"; docker restart e1; docker wait e1; docker logs e1',
  ],
  pause: [
    `${start('c1')}; docker pause c1; ${state('c1')}`,
    'docker ps --format "{{.Names}} {{.Status}}" | sed "s/Up.*(/Up (/"',
    'docker pause c1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker unpause c1',
    state('c1'),
    'docker unpause c1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker pause nothing',
    'docker create --name d1 busybox >/dev/null; docker pause d1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker pause c1; docker stop -t 1 c1; docker inspect c1 --format "{{.State.Status}}"',
    `${start('e1')}; docker pause e1; docker kill e1; docker inspect e1 --format "{{.State.Status}}"`,
    `${start('f1')}; docker pause f1; docker rm f1; docker rm -f f1`,
  ],
  rename: [
    `${start('c1')}; docker rename c1 d1; docker inspect d1 --format "{{.Name}}"; docker inspect c1`,
    `${start('e1')}; docker rename d1 e1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"`,
    'docker rename nothing x1',
    'docker rename d1 "bad name"',
    'docker rename d1 d1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker rename d1 ""',
    'docker exec d1 true && echo runs on',
  ],
  remove: [
    `${start('c1')}; docker rm c1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"`,
    'docker rm -f c1',
    'docker rm c1',
    'docker rm -f c1',
    'docker create --name d1 busybox >/dev/null; docker create --name e1 busybox >/dev/null; docker rm d1 nothing e1',
    `${start('f1')}; id=$(docker inspect f1 --format "{{.Id}}"); docker rm -f $(echo $id | cut -c1-12) | wc -c`,
    'docker rm',
  ],
  'names by beginning of id': [
    `${start('c1')}; id=$(docker inspect c1 --format "{{.Id}}"); docker inspect $(echo $id | cut -c1-6) --format "{{.Name}}"; docker exec $id true && echo found`,
    'docker inspect zzzz',
    'docker inspect /c1 --format "{{.Name}}"',
  ],
  top: [
    `${start('c1')}; docker top c1 -o comm,args`,
    'docker top c1 -o pid,args | head -1',
    'docker top c1 | head -1',
    'docker top c1 -o nothing; docker top nothing',
    'docker create --name d1 busybox >/dev/null; docker top d1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
  ],
  prune: [
    `docker create --name c1 busybox >/dev/null; ${start('d1')}; docker container prune -f | sed "s/^[0-9a-f]\\{64\\}$/ID/;s/space:.*//"; docker ps -a --format "{{.Names}}"`,
    'docker container prune -f --filter label=nothing',
    'docker container prune -f --filter colour=red',
    'docker create --name e1 --label keep busybox >/dev/null; docker container prune -f --filter "label!=keep" | wc -l; docker ps -aq | wc -l',
  ],
  'what a container wrote stays until it is removed': [
    'docker run --name c1 busybox sh -c "echo x > /f"; docker start c1; docker wait c1; docker cp c1:/f - 2>/dev/null | tar -xO 2>/dev/null',
    'docker diff c 2>/dev/null',
  ],
}
