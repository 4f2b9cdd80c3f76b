// Health checks: their flags, results, status, events, filters, and what stopping and pausing make of them.

import type { Scenarios } from '../scenario.ts'

const often = '--health-interval 100ms'

/** Starts a container in the background with flags for its health check. */
const run = (name: string, flags: string, command = 'sleep 300') =>
  `docker run -d --name ${name} ${often} ${flags} busybox ${command} >/dev/null`

/** Waits until a template gives `value`, at most five seconds, and prints what it gives then. */
const becomes = (name: string, template: string, value: string) => {
  const look = `docker inspect ${name} --format "${template}"`
  return `n=0; until [ "$(${look})" = "${value}" ] || [ $n -ge 50 ]; do n=$((n+1)); sleep .1; done; ${look}`
}

const health = (name: string, value: string) => becomes(name, '{{.State.Health.Status}}', value)
const lastResult = '{{with index .State.Health.Log 0}}{{.ExitCode}} {{json .Output}}{{end}}'
const events = (name: string, count: number) =>
  `docker events --since 0 --until $(date +%s.%N) --filter container=${name} --format "{{.Action}} {{.Actor.Attributes.exitCode}}" | sed "s/<no value>//" | head -n ${count}`

export const healthchecks: Scenarios = {
  // No other scenario has a container of that name: the events are asked for from the beginning.
  'a healthy one': [
    `${run('hale', '--health-cmd "echo fine >&2"')}; ${health('hale', 'healthy')}`,
    `docker inspect hale --format "${lastResult} {{.State.Health.FailingStreak}}"`,
    'docker ps --format "{{.Names}} {{.Status}}" | sed "s/Up.*(/Up (/"',
    'for value in starting healthy unhealthy none; do docker ps --filter health=$value --format "$value {{.Names}}"; done',
    'docker ps --filter health=well',
    `docker rm -f hale >/dev/null; ${events('hale', 6)}`,
    'docker inspect busybox --format "{{json .Config.Healthcheck}}"',
  ],
  // The name of a container whose events are asked for is not the beginning of an id, which dockerd takes it for as well.
  'one that fails': [
    `${run('w1', '--health-cmd "echo why; exit 3" --health-retries 2')}; ${health('w1', 'unhealthy')}`,
    `docker inspect w1 --format "${lastResult}"`,
    'docker ps --format "{{.Names}} {{.Status}}" | sed "s/Up.*(/Up (/"',
    becomes('w1', '{{len .State.Health.Log}}', '5'),
    'docker inspect w1 --format "{{json .Config.Healthcheck}}"',
    `docker rm -f w1 >/dev/null; ${events('w1', 9)}`,
  ],
  'one that changes': [
    `${run('p1', '--health-cmd "test -e /tmp/well" --health-retries 1')}; ${health('p1', 'unhealthy')}`,
    `docker exec p1 touch /tmp/well; ${health('p1', 'healthy')}; docker inspect p1 --format "{{.State.Health.FailingStreak}}"`,
    `docker exec p1 rm /tmp/well; ${health('p1', 'unhealthy')}`,
  ],
  'what a probe sees': [
    `${run('p1', '-e A=1 -u app -w /tmp --health-cmd "id -un; pwd; echo \\$A \\$HOSTNAME" -h host')}; ${health('p1', 'healthy')}`,
    `docker inspect p1 --format "${lastResult}"`,
    `${run('q1', '--health-cmd "seq 1 2000"')}; ${health('q1', 'healthy')} `,
    'docker inspect q1 --format "{{(index .State.Health.Log 0).Output}}" | wc -c',
    'docker inspect q1 --format "{{(index .State.Health.Log 0).Output}}" | tail -c 10',
  ],
  'one that hangs': [
    `${run('p1', '--health-cmd "sleep 300" --health-timeout 200ms --health-retries 1')}; ${health('p1', 'unhealthy')}`,
    `docker inspect p1 --format "${lastResult}"`,
    `${run('q1', '--health-cmd "sleep 300" --health-timeout 100s')}; sleep .5; docker rm -f q1`,
    `${run('r1', '--health-cmd "sleep 300" --health-timeout 100s')}; sleep .5; docker kill r1; docker inspect r1 --format "{{.State.Status}} {{.State.Health.Status}}"`,
  ],
  'a program that is not there': [
    `${run('p1', '--health-cmd "/nothing" --health-retries 1')}; ${health('p1', 'unhealthy')}`,
    `docker inspect p1 --format "${lastResult}"`,
  ],
  'start period': [
    `${run('p1', '--health-cmd "exit 1" --health-retries 1 --health-start-period 1h')}; ${becomes('p1', '{{gt (len .State.Health.Log) 0}}', 'true')}`,
    'docker inspect p1 --format "{{.State.Health.Status}} {{.State.Health.FailingStreak}}"',
    'docker ps --format "{{.Names}} {{.Status}}" | sed "s/Up.*(/Up (/"',
  ],
  // Pausing in the middle of a probe stops dockerd 20.10 for good.
  'stopped, started and paused': [
    `${run('p1', '--health-cmd true --health-interval 1s')}; ${health('p1', 'healthy')}`,
    'docker pause p1; docker inspect p1 --format "{{.State.Health.Status}}"; docker ps --format "{{.Status}}" | sed "s/Up.*(/Up (/"',
    `docker unpause p1; ${health('p1', 'healthy')}`,
    'docker stop -t 0 p1; docker inspect p1 --format "{{.State.Status}} {{.State.Health.Status}}"',
    'docker ps -a --format "{{.Status}}"; docker ps -a --filter health=unhealthy --format "{{.Names}}"',
    `docker start p1; ${health('p1', 'healthy')}`,
  ],
  none: [
    'docker run -d --name p1 --no-healthcheck busybox sleep 300 >/dev/null; docker inspect p1 --format "{{json .State.Health}} {{json .Config.Healthcheck}}"',
    'docker run --no-healthcheck --health-cmd true busybox true',
    'docker create --name q1 --health-cmd true busybox >/dev/null; docker inspect q1 --format "{{json .State.Health}}"',
    'docker ps -a --filter health=none --format "{{.Names}}"',
    'docker run --health-interval 1us --health-cmd true busybox true',
    'docker run --health-retries -1 --health-cmd true busybox true',
  ],
}
