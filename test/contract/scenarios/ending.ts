// How containers end: signals by every name, stop times, wait conditions, restart policies; and what they are called.

import type { Scenarios } from '../scenario.ts'

const curl = (method: string, path: string) =>
  `curl -s -X ${method} -w "%{http_code}\\n" --unix-socket "\${DOCKER_HOST#unix://}" "http://x/v1.41${path}"`
const anonymous = '2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/g"'
const start = (name: string, flags = '') => `docker run -d --name ${name} ${flags} busybox sleep 300 >/dev/null`

/** Starts a container that says which of these signals (numbers) it got, and waits until it is ready to. */
const listening = (name: string, signals: readonly number[], flags = '') => {
  const traps = signals.map(signal => `trap \\"echo got ${signal}\\" ${signal};`).join(' ')
  const script = `${traps} echo ready; while :; do sleep .05; done`
  return `docker run -d --name ${name} ${flags} busybox sh -c "${script}" >/dev/null; until docker logs ${name} | grep -q ready; do sleep .05; done`
}
const hears = (name: string, signal: number) =>
  `n=0; until docker logs ${name} | grep -qx "got ${signal}" || [ $n -ge 40 ]; do n=$((n+1)); sleep .05; done; docker logs ${name} | tail -1`
const kill = (name: string, spelled: string, signal: number) =>
  `docker kill -s "${spelled}" ${name}; ${hears(name, signal)}`
const status = (name: string) =>
  `docker inspect ${name} --format "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.State.Running}}"`
const settles = (name: string) =>
  `n=0; until [ "$(docker inspect ${name} --format "{{.State.Status}}")" = exited ] || [ $n -ge 60 ]; do n=$((n+1)); sleep .1; done; ${status(name)}`

export const ending: Scenarios = {
  'signals by name and number': [
    listening('p1', [1, 10, 12, 34, 35, 37, 49, 50, 62, 64]),
    kill('p1', 'HUP', 1),
    kill('p1', 'sigusr1', 10),
    kill('p1', 'SIGUSR2', 12),
    kill('p1', '34', 34),
    kill('p1', 'SIGRTMIN+1', 35),
    kill('p1', 'rtmin+3', 37),
    kill('p1', 'RTMIN+15', 49),
    kill('p1', 'RTMAX-14', 50),
    kill('p1', 'SIGRTMAX-2', 62),
    kill('p1', 'RTMAX', 64),
    'docker kill -s RTMIN+16 p1; docker kill -s RTMAX-15 p1; docker kill -s SIG p1; docker kill -s " KILL" p1',
    'docker kill -s 65 p1; docker kill -s 32 p1; docker kill -s 9x p1; docker kill -s 0x9 p1',
    'docker kill -s SIGSIGKILL p1; docker kill -s +9 p1; docker wait p1',
    'docker kill -s NOTHING nothing; docker kill -s 1 nothing',
  ],
  'kill what does not run': [
    `docker create --name p1 busybox true >/dev/null; docker kill p1 ${anonymous}; docker kill -s BAD p1 ${anonymous}`,
    `${curl('POST', '/containers/p1/kill?signal=')} ${anonymous}`,
    `${curl('POST', '/containers/p1/kill?signal=bad')} ${anonymous}`,
    `${curl('POST', '/containers/p1/stop')} ${anonymous}`,
    `docker start -a p1; docker kill p1 ${anonymous}; docker stop p1; ${status('p1')}`,
    `${start('q1')}; docker pause q1; docker kill -s USR1 q1; docker inspect q1 --format "{{.State.Status}}"; docker kill q1; ${status('q1')}`,
  ],
  'stop times': [
    `${listening('p1', [15], '--stop-timeout 1')}; docker stop p1; docker logs p1 | tail -1; ${status('p1')}`,
    `${listening('q1', [15], '--stop-timeout 300')}; docker stop -t 0 q1; ${status('q1')}`,
    `${start('r1', '--init --stop-timeout -1')}; docker inspect r1 --format "{{.Config.StopTimeout}}"; docker stop r1; ${status('r1')}`,
    `${start('s1', '--init')}; docker stop -t -1 s1; ${status('s1')}; docker stop s1`,
    'docker create --stop-timeout x busybox; docker create --stop-signal RTMIN+99 busybox',
    `${listening('u1', [15])}; docker restart -t 0 u1; ${status('u1')}`,
  ],
  'wait conditions': [
    `docker create --name p1 busybox sh -c "exit 3" >/dev/null; ${curl('POST', '/containers/p1/wait')}`,
    `(${curl('POST', '/containers/p1/wait?condition=next-exit')} > out; cat out) & sleep .5; docker start p1 >/dev/null; wait`,
    `${curl('POST', '/containers/p1/wait?condition=not-running')}`,
    `(${curl('POST', '/containers/p1/wait?condition=removed')} > out; cat out) & sleep .5; docker rm p1 >/dev/null; wait`,
    `${curl('POST', '/containers/p1/wait?condition=removed')}; ${start('q1')}`,
    `(${curl('POST', '/containers/q1/wait?condition=removed')} > out; cat out) & sleep .5; docker rm -f q1 >/dev/null; wait`,
    `${start('r1')}; (docker wait r1 r1) & sleep .5; docker kill r1 >/dev/null; wait`,
    `docker run -d --rm --name s1 busybox sh -c "sleep .5; exit 4" >/dev/null; ${curl('POST', '/containers/s1/wait?condition=removed')}`,
  ],
  'restart policies at create': [
    'docker create --restart sometimes busybox; docker create --restart always:3 busybox; docker create --restart no:3 busybox',
    'docker create --restart unless-stopped:1 busybox; docker create --restart on-failure:-1 busybox; docker create --restart on-failure:x busybox',
    'docker create --restart always --rm busybox; docker create --restart on-failure:0 --name p1 busybox >/dev/null; docker inspect p1 --format "{{json .HostConfig.RestartPolicy}}"',
    'docker create --name q1 --restart "" busybox >/dev/null; docker inspect q1 --format "{{json .HostConfig.RestartPolicy}}"',
    'docker create --name r1 --restart on-failure busybox >/dev/null; docker inspect r1 --format "{{json .HostConfig.RestartPolicy}}"',
    'docker create --restart :3 busybox; docker create --restart on-failure: busybox; docker create --restart on-failure:1:2 busybox',
  ],
  'restart policies at work': [
    `docker run -d --name p1 --restart on-failure:1 busybox false >/dev/null; ${settles('p1')}`,
    `docker run -d --name q1 --restart on-failure busybox true >/dev/null; ${settles('q1')}`,
    `${start('r1', '--restart always')}; docker kill r1; sleep .5; ${status('r1')}; docker start r1; docker stop -t 0 r1; sleep .5; ${status('r1')}`,
    `${start('s1', '--restart unless-stopped')}; docker exec s1 kill -9 1; docker restart -t 0 s1; ${status('s1')}`,
    'docker update --restart no s1; docker kill s1; docker inspect s1 --format "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"',
  ],
  'stop, kill and remove between attempts': [
    'docker run -d --name p1 --restart always busybox false >/dev/null; until [ "$(docker inspect p1 --format "{{.RestartCount}}")" -ge 2 ]; do sleep .05; done; docker stop p1; docker inspect p1 --format "{{.State.Status}} {{.State.ExitCode}}"',
    'docker start p1; until [ "$(docker inspect p1 --format "{{.RestartCount}}")" -ge 2 ]; do sleep .05; done; docker rm -f p1; docker ps -aq | wc -l',
  ],
  'rename edges': [
    `${start('p1')}; docker rename p1 q1 && docker rename q1 /r1 && docker inspect r1 --format "{{.Name}}"`,
    'docker rename r1 r1/x; docker rename r1 -x; docker rename r1 .x; docker rename r1 x; docker rename r1 ""; docker rename "" x1',
    'docker rename /r1 s1; docker rename $(docker inspect s1 --format "{{.Id}}" | cut -c1-12) t1; docker ps --format "{{.Names}}"',
    `docker create --name u1 busybox >/dev/null; docker rename u1 t1 ${anonymous}; docker rm u1; docker create --name s1 busybox >/dev/null && echo free`,
    'docker exec t1 hostname | wc -c; docker run --rm --network container:t1 busybox true && echo joined; docker rm -f t1',
    `${curl('POST', '/containers/s1/rename')}; ${curl('POST', '/containers/s1/rename?name=')}; ${curl('POST', '/containers/s1/rename?name=s1')} ${anonymous}`,
  ],
}
