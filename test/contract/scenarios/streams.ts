// docker logs and docker attach.

import type { Scenarios } from '../scenario.ts'

const lines =
  'docker run --name c busybox sh -c "for i in 1 2 3 4 5; do echo line \\$i; echo error \\$i >&2; done" >/dev/null 2>&1'
const waiting = (name: string, script: string) => `docker run -di --name ${name} busybox sh -c "${script}" >/dev/null`

export const streams: Scenarios = {
  logs: [
    lines,
    'docker logs c 2>/dev/null',
    'docker logs c 2>&1 >/dev/null',
    'docker logs --tail 2 c 2>/dev/null | wc -l',
    'docker logs --tail 4 c 2>&1 | wc -l',
    'docker logs --tail 0 c',
    'docker logs --tail all c 2>/dev/null | wc -l',
    'docker logs --tail bad c 2>/dev/null | wc -l',
    'docker logs -n 1 c 2>&1 | wc -l',
    'docker logs -t c 2>/dev/null',
    'docker logs -f c 2>/dev/null',
    'docker logs -f --tail 1 c 2>&1 | wc -l',
    'docker logs nothing',
  ],
  'logs of a time': [
    `docker run --name c busybox sh -c "echo one; sleep 1.2; echo two" >/dev/null; at=$(docker logs -t c | tail -1 | cut -d" " -f1); docker logs --since $at c`,
    'at=$(docker logs -t c | tail -1 | cut -d" " -f1); docker logs --until $at c',
    'docker logs --since 1h c',
    'docker logs --until 1h c',
    'docker logs --since 2999-01-01 c',
    'docker logs --since 2001-01-01T00:00:00Z --until 2001-01-02T00:00:00Z c',
    'docker logs --since bad c',
  ],
  'logs with details': [
    'docker run --name c --log-opt labels=a --log-opt env=B --label a=1 -e B=2 busybox echo hi',
    'docker logs --details c',
    'docker inspect c --format "{{json .HostConfig.LogConfig}}"',
  ],
  'logs that go on': [
    'docker run -d --name c busybox sh -c "for i in 1 2 3 4 5; do echo \\$i; sleep .1; done" >/dev/null; docker logs -f c',
    'docker run -d --name d busybox sh -c "echo partial; printf end" >/dev/null; docker wait d; docker logs d | od -c',
    'docker run -t --name e busybox echo tty | od -c; docker logs e | od -c',
    'docker run --name f busybox sh -c "head -c 40000 /dev/zero | tr \\\\\\\\0 y; echo" | wc -c; docker logs f | wc -c; docker logs -t f | wc -l',
    'docker run --name g --log-driver none busybox echo unseen; docker logs g',
    'docker run --name h busybox printf "\\\\303\\\\251\\\\377\\\\001<&>\\\\n" | od -c; docker logs h | od -c',
    'docker run --name i busybox true; docker logs i',
    'docker create --name j busybox true >/dev/null; docker logs j; docker logs -f j',
  ],
  'logs rotate': [
    'docker run --name c --log-opt max-size=20k --log-opt max-file=3 busybox seq 1 3000 | tail -1; docker logs c | tail -1',
    'docker run --name d --log-opt max-size=bad busybox true',
    'docker run --name e --log-opt max-file=0 busybox true',
  ],
  attach: [
    `${waiting('c', 'read x; echo got \\$x; exit 3')}; echo word | docker attach c`,
    'docker attach c',
    'docker attach nothing',
    `${waiting('d', 'read x; echo out; echo err >&2')}; echo | docker attach d 2>/dev/null`,
    `${waiting('e', 'read x; echo seen')}; docker attach --no-stdin e > out & p=$!; sleep .5; echo | docker attach e; wait $p; cat out`,
    'docker run -d --name f busybox sleep 300 >/dev/null; docker pause f; docker attach f; docker unpause f',
  ],
  'start attached': [
    'docker create -i --name c busybox sh -c "cat; echo end >&2; exit 4" >/dev/null; echo word | docker start -ai c',
    'echo again | docker start -ai c',
    'docker create --name d busybox echo plain >/dev/null; docker start d; docker wait d; docker start -a d',
    'docker create --name e busybox true >/dev/null; docker start e d | sort',
    'docker start nothing',
    'docker start e nothing',
  ],
  'a signal through the client': [
    'docker run --name c --sig-proxy=true busybox sh -c "trap \'echo term; exit 5\' TERM; echo ready; while :; do sleep .05; done" > out & p=$!; until grep -q ready out; do sleep .05; done; kill -TERM $p; wait $p; echo $?; cat out',
  ],
}
