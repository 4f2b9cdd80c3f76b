// From create to rm: stop, kill, wait, restart, pause, rename, top, prune.

import type { Scenarios } from '../scenario.ts'

const start = (name: string) => `docker run -d --name ${name} busybox sleep 300 >/dev/null`
const trapping = (name: string, signal: string, code: number) =>
  `docker run -d --name ${name} busybox sh -c "trap 'exit ${code}' ${signal}; echo ready; while :; do sleep .05; done" >/dev/null; until docker logs ${name} | grep -q ready; do sleep .05; done`
const state = (name: string) =>
  `docker inspect ${name} --format "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Dead}} {{.State.Error}}"`

export const lifecycle: Scenarios = {
  'create and start': [
    'docker create --name p1 busybox echo hi | wc -c',
    state('p1'),
    'curl -sS -w " %{http_code}" --unix-socket "${DOCKER_HOST#unix://}" -X POST "http://d/v1.41/containers/p1/start?checkpoint=c" | tr -d "\\n"',
    'for method in GET POST; do curl -sS -w " %{http_code}" --unix-socket "${DOCKER_HOST#unix://}" -X $method "http://d/v1.41/containers/p1/checkpoints" | tr -d "\\n"; done',
    'docker checkpoint ls p1',
    'docker start p1',
    'docker wait p1',
    state('p1'),
    'docker logs p1',
    'docker start p1 && docker wait p1 && docker logs p1',
    'docker create --pull never nothing',
    'docker create --name q1 busybox "" | wc -c; docker start q1',
  ],
  stop: [
    trapping('p1', 'TERM', 3),
    'docker stop p1',
    state('p1'),
    'docker stop p1',
    `${start('q1')}; docker stop -t 1 q1; ${state('q1')}`,
    `${start('r1')}; docker stop --time 1 --signal KILL r1; ${state('r1')}`,
    'docker stop nothing',
    `${start('s1')}; ${start('t1')}; docker stop -t 0 s1 t1 nothing`,
    'docker create --name u1 busybox >/dev/null; docker stop u1',
    'docker stop',
  ],
  kill: [
    `${start('p1')}; docker kill p1; ${state('p1')}`,
    'docker kill p1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    trapping('q1', 'USR1', 8),
    `docker kill -s USR1 q1; docker wait q1; ${state('q1')}`,
    `${start('r1')}; docker kill -s SIGKILL r1; docker wait r1`,
    `${start('s1')}; docker kill -s 9 s1; docker wait s1`,
    `${start('t1')}; docker kill -s NOTHING t1; docker kill -s 99 t1; docker kill -s 0 t1; docker kill -s CHLD t1; ${state('t1')}`,
    'docker kill nothing',
    `${trapping('u1', '37', 6)} 2>/dev/null; docker kill -s RTMIN+3 u1; docker wait u1`,
  ],
  wait: [
    'docker run -d --name p1 busybox sh -c "exit 9" >/dev/null; docker wait p1',
    'docker run -d --name q1 busybox sh -c "sleep .5; exit 4" >/dev/null; docker wait p1 q1',
    'docker wait nothing',
    'docker wait p1 nothing q1',
  ],
  restart: [
    trapping('p1', 'TERM', 0),
    'before=$(docker inspect p1 --format "{{.State.StartedAt}}"); docker restart p1; test "$before" != "$(docker inspect p1 --format "{{.State.StartedAt}}")" && echo later',
    'docker inspect p1 --format "{{.State.Status}} {{.RestartCount}}"',
    'docker create --name q1 busybox sleep 300 >/dev/null; docker restart -t 0 q1; docker inspect q1 --format "{{.State.Status}}"',
    'docker restart nothing',
    'docker run --name r1 busybox sh -c "echo once >> /f; wc -l < /f"; docker restart r1; docker wait r1; docker logs r1',
  ],
  pause: [
    `${start('p1')}; docker pause p1; ${state('p1')}`,
    'docker ps --format "{{.Names}} {{.Status}}" | sed "s/Up.*(/Up (/"',
    'docker pause p1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker unpause p1',
    state('p1'),
    'docker unpause p1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker pause nothing',
    'docker create --name q1 busybox >/dev/null; docker pause q1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"; docker unpause q1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker pause p1; docker stop -t 1 p1; docker inspect p1 --format "{{.State.Status}}"',
    `${start('r1')}; docker pause r1; docker kill r1; docker inspect r1 --format "{{.State.Status}}"`,
    `${start('s1')}; docker pause s1; docker rm s1; docker rm -f s1`,
  ],
  rename: [
    `${start('p1')}; docker rename p1 q1; docker inspect q1 --format "{{.Name}}"; docker inspect p1`,
    `${start('r1')}; docker rename q1 r1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"`,
    'docker rename nothing x1',
    'docker rename q1 "bad name"',
    'docker rename q1 q1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker rename q1 ""',
    'docker exec q1 true && echo runs on',
  ],
  remove: [
    `${start('p1')}; docker rm p1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"`,
    'docker rm -f p1',
    'docker rm p1',
    'docker rm -f p1',
    'docker create --name q1 busybox >/dev/null; docker create --name r1 busybox >/dev/null; docker rm q1 nothing r1',
    `${start('s1')}; id=$(docker inspect s1 --format "{{.Id}}"); docker rm -f $(echo $id | cut -c1-12) | wc -c`,
    'docker rm',
  ],
  'names by beginning of id': [
    `${start('p1')}; id=$(docker inspect p1 --format "{{.Id}}"); docker inspect $(echo $id | cut -c1-6) --format "{{.Name}}"; docker exec $id true && echo found`,
    'docker inspect zzzz',
    'docker inspect /p1 --format "{{.Name}}"',
  ],
  top: [
    `${start('p1')}; docker top p1 -o comm,args`,
    'docker top p1 -o pid,args | sed -n 1p',
    'docker top p1 | sed -n 1p',
    'docker top p1 -o nothing; docker top nothing',
    'docker create --name q1 busybox >/dev/null; docker top q1 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
  ],
  prune: [
    `docker create --name p1 busybox >/dev/null; ${start('q1')}; docker container prune -f | sed "s/^[0-9a-f]\\{64\\}$/ID/;s/space:.*//"; docker ps -a --format "{{.Names}}"`,
    'docker container prune -f --filter label=nothing',
    'docker container prune -f --filter colour=red',
    'docker create --name r1 --label keep busybox >/dev/null; docker container prune -f --filter "label!=keep" | wc -l; docker ps -aq | wc -l',
  ],
  'what a container wrote stays until it is removed': [
    'docker run --name p1 busybox sh -c "echo x >> /f; cat /f"; docker start -a p1',
    'docker rm p1; docker run --name p1 busybox cat /f',
  ],
}
