// docker logs and docker attach.

import type { Scenarios } from '../scenario.ts'

const lines =
  'docker run --name p1 busybox sh -c "for i in 1 2 3 4 5; do echo line \\$i; usleep 20000; echo error \\$i >&2; usleep 20000; done" >/dev/null 2>&1'
const waiting = (name: string, script: string) => `docker run -di --name ${name} busybox sh -c "${script}" >/dev/null`

const api = 'http://engine/v1.41/containers'
// As programs ask, not the CLI; without the headers of the frames.
const asked = (queries: readonly string[], name = 'p1') =>
  `for query in ${queries.map(query => `'${query}'`).join(' ')}; do echo "[$query]"; curl -sS --max-time 5 --unix-socket "\${DOCKER_HOST#unix://}" -w "%{http_code}\\n" "${api}/${name}/logs?$query" | tr -d '\\000-\\010'; done`
const withStdout = (name: string, ...values: readonly string[]) =>
  asked(values.map(value => `stdout=1&${name}=${value}`))

const times = [
  '',
  'bad',
  '-1',
  '0',
  '1.5',
  '1.',
  '.5',
  '1e3',
  '-0.5',
  '1.9999999999999',
  '99999999999',
  '99999999999999999999',
  '2001-01-01T00:00:00Z',
  '2001-01-01',
]

export const streams: Scenarios = {
  logs: [
    lines,
    'docker logs p1 2>/dev/null',
    'docker logs p1 2>&1 >/dev/null',
    'docker logs --tail 2 p1 2>/dev/null | wc -l',
    'docker logs --tail 4 p1 2>&1 | wc -l',
    'docker logs --tail 0 p1',
    'docker logs --tail all p1 2>/dev/null | wc -l',
    'docker logs --tail bad p1 2>/dev/null | wc -l',
    'docker logs -n 1 p1 2>&1 | wc -l',
    'docker logs -t p1 2>/dev/null',
    'docker logs -f p1 2>/dev/null',
    'docker logs -f --tail 1 p1 2>&1 | wc -l',
    'docker logs nothing',
  ],
  'logs by queries of programs': [
    'docker run --name p1 --label a=b --log-opt labels=a busybox sh -c "echo one; echo two; echo three"',
    asked([
      '',
      'stdout=1',
      'stdout=true',
      'stdout=yes',
      'stdout=False',
      'stdout=false',
      'stdout=no',
      'stdout=none',
      'stdout=0&stderr=0',
      'stdout=1&stdout=0',
      'STDOUT=1',
      'stdout',
      'stderr=1',
    ]),
    withStdout('tail', '', '-1', '0', '1', '+1', '01', '1.5', '2x', '99999999999999999999', '%201', 'all'),
    withStdout('since', ...times),
    withStdout('until', ...times),
    asked([
      'stdout=1&follow=1',
      'stdout=1&follow=maybe',
      'stdout=1&timestamps=maybe&tail=0',
      'stdout=1&details=1',
      'stdout=1&tail=1&tail=2',
      'stdout=1&until=1&follow=1',
      'stdout=1&since=2&until=1',
    ]),
    asked(['stdout=1', ''], 'nothing'),
  ],
  'logs of a time': [
    `docker run --name p1 busybox sh -c "echo one; sleep 1.2; echo two" >/dev/null; at=$(docker logs -t p1 | tail -1 | cut -d" " -f1); docker logs --since $at p1`,
    'at=$(docker logs -t p1 | tail -1 | cut -d" " -f1); docker logs --until $at p1',
    'docker logs --since 1h p1',
    'docker logs --until 1h p1',
    'docker logs --since 2999-01-01 p1',
    'docker logs --since 2001-01-01T00:00:00Z --until 2001-01-02T00:00:00Z p1',
    'docker logs --since bad p1',
  ],
  'logs with details': [
    'docker run --name p1 --log-opt labels=a --log-opt env=B --label a=1 -e B=2 busybox echo hi',
    'docker logs --details p1',
    'docker inspect p1 --format "{{json .HostConfig.LogConfig}}"',
  ],
  'logs that go on': [
    'docker run -d --name p1 busybox sh -c "for i in 1 2 3 4 5; do echo \\$i; sleep .1; done" >/dev/null; docker logs -f p1',
    'docker run -d --name q1 busybox sh -c "echo partial; printf end" >/dev/null; docker wait q1; docker logs q1 | od -c',
    'docker run -t --name r1 busybox echo tty | od -c; docker logs r1 | od -c',
    'docker run --name s1 busybox sh -c "head -c 40000 /dev/zero | tr \\\\\\\\0 y; echo" | wc -c; docker logs s1 | wc -c; docker logs -t s1 | wc -l',
    'docker run --name t1 --log-driver none busybox echo unseen; docker logs t1',
    'docker run --name u1 busybox printf "\\\\303\\\\251\\\\377\\\\001<&>\\\\n" | od -c; docker logs u1 | od -c',
    'docker run --name y1 busybox true; docker logs y1',
    'docker create --name z1 busybox true >/dev/null; docker logs z1; docker logs -f z1',
  ],
  'logs rotate': [
    'docker run --name p1 --log-opt max-size=20k --log-opt max-file=3 busybox seq 1 3000 | tail -1; docker logs p1 | tail -1',
    'docker run --name q1 --log-opt max-size=bad busybox true',
    'docker run --name r1 --log-opt max-file=0 busybox true',
  ],
  attach: [
    `${waiting('p1', 'read x; echo got \\$x; sleep .5; exit 3')}; (echo word; sleep 1) | docker attach p1`,
    'docker attach p1',
    'docker attach nothing',
    `${waiting('q1', 'read x; echo out; echo err >&2; sleep .5')}; (echo; sleep 1) | docker attach q1 2>/dev/null`,
    `${waiting('r1', 'read x; echo seen; sleep .5')}; docker attach --no-stdin r1 > out & p=$!; sleep .5; (echo; sleep 1) | docker attach r1; wait $p; cat out`,
    'docker run -d --name s1 busybox sleep 300 >/dev/null; docker pause s1; docker attach s1; docker unpause s1',
  ],
  'start attached': [
    'docker create -i --name p1 busybox sh -c "cat; echo end >&2; exit 4" >/dev/null; echo word | docker start -ai p1',
    'echo again | docker start -ai p1',
    'docker create --name q1 busybox echo plain >/dev/null; docker start q1; docker wait q1; docker start -a q1',
    'docker create --name r1 busybox true >/dev/null; docker start r1 q1 | sort',
    'docker start nothing',
    'docker start r1 nothing',
  ],
  'a signal through the client': [
    'docker run --name p1 --sig-proxy=true busybox sh -c "trap \'echo term; exit 5\' TERM; echo ready; while :; do sleep .05; done" > out & p=$!; until grep -q ready out; do sleep .05; done; kill -TERM $p; wait $p; echo $?; cat out',
  ],
}
