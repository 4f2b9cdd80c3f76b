// docker logs and docker attach.

import type { Scenarios } from '../scenario.ts'

const lines =
  'docker run --name c1 busybox sh -c "for i in 1 2 3 4 5; do echo line \\$i; usleep 20000; echo error \\$i >&2; usleep 20000; done" >/dev/null 2>&1'
const waiting = (name: string, script: string) => `docker run -di --name ${name} busybox sh -c "${script}" >/dev/null`

export const streams: Scenarios = {
  logs: [
    lines,
    'docker logs c1 2>/dev/null',
    'docker logs c1 2>&1 >/dev/null',
    'docker logs --tail 2 c1 2>/dev/null | wc -l',
    'docker logs --tail 4 c1 2>&1 | wc -l',
    'docker logs --tail 0 c1',
    'docker logs --tail all c1 2>/dev/null | wc -l',
    'docker logs --tail bad c1 2>/dev/null | wc -l',
    'docker logs -n 1 c1 2>&1 | wc -l',
    'docker logs -t c1 2>/dev/null',
    'docker logs -f c1 2>/dev/null',
    'docker logs -f --tail 1 c1 2>&1 | wc -l',
    'docker logs nothing',
  ],
  'logs of a time': [
    `docker run --name c1 busybox sh -c "echo one; sleep 1.2; echo two" >/dev/null; at=$(docker logs -t c1 | tail -1 | cut -d" " -f1); docker logs --since $at c1`,
    'at=$(docker logs -t c1 | tail -1 | cut -d" " -f1); docker logs --until $at c1',
    'docker logs --since 1h c1',
    'docker logs --until 1h c1',
    'docker logs --since 2999-01-01 c1',
    'docker logs --since 2001-01-01T00:00:00Z --until 2001-01-02T00:00:00Z c1',
    'docker logs --since bad c1',
  ],
  'logs with details': [
    'docker run --name c1 --log-opt labels=a --log-opt env=B --label a=1 -e B=2 busybox echo hi',
    'docker logs --details c1',
    'docker inspect c1 --format "{{json .HostConfig.LogConfig}}"',
  ],
  'logs that go on': [
    'docker run -d --name c1 busybox sh -c "for i in 1 2 3 4 5; do echo \\$i; sleep .1; done" >/dev/null; docker logs -f c1',
    'docker run -d --name d1 busybox sh -c "echo partial; printf end" >/dev/null; docker wait d1; docker logs d1 | od -c',
    'docker run -t --name e1 busybox echo tty | od -c; docker logs e1 | od -c',
    'docker run --name f1 busybox sh -c "head -c 40000 /dev/zero | tr \\\\\\\\0 y; echo" | wc -c; docker logs f1 | wc -c; docker logs -t f1 | wc -l',
    'docker run --name g1 --log-driver none busybox echo unseen; docker logs g1',
    'docker run --name h1 busybox printf "\\\\303\\\\251\\\\377\\\\001<&>\\\\n" | od -c; docker logs h1 | od -c',
    'docker run --name i1 busybox true; docker logs i1',
    'docker create --name j1 busybox true >/dev/null; docker logs j1; docker logs -f j1',
  ],
  'logs rotate': [
    'docker run --name c1 --log-opt max-size=20k --log-opt max-file=3 busybox seq 1 3000 | tail -1; docker logs c1 | tail -1',
    'docker run --name d1 --log-opt max-size=bad busybox true',
    'docker run --name e1 --log-opt max-file=0 busybox true',
  ],
  attach: [
    `${waiting('c1', 'read x; echo got \\$x; sleep .5; exit 3')}; (echo word; sleep 1) | docker attach c1`,
    'docker attach c1',
    'docker attach nothing',
    `${waiting('d1', 'read x; echo out; echo err >&2; sleep .5')}; (echo; sleep 1) | docker attach d1 2>/dev/null`,
    `${waiting('e1', 'read x; echo seen; sleep .5')}; docker attach --no-stdin e1 > out & p=$!; sleep .5; (echo; sleep 1) | docker attach e1; wait $p; cat out`,
    'docker run -d --name f1 busybox sleep 300 >/dev/null; docker pause f1; docker attach f1; docker unpause f1',
  ],
  'start attached': [
    'docker create -i --name c1 busybox sh -c "cat; echo end >&2; exit 4" >/dev/null; echo word | docker start -ai c1',
    'echo again | docker start -ai c1',
    'docker create --name d1 busybox echo plain >/dev/null; docker start d1; docker wait d1; docker start -a d1',
    'docker create --name e1 busybox true >/dev/null; docker start e1 d1 | sort',
    'docker start nothing',
    'docker start e1 nothing',
  ],
  'a signal through the client': [
    'docker run --name c1 --sig-proxy=true busybox sh -c "trap \'echo term; exit 5\' TERM; echo ready; while :; do sleep .05; done" > out & p=$!; until grep -q ready out; do sleep .05; done; kill -TERM $p; wait $p; echo $?; cat out',
  ],
}
