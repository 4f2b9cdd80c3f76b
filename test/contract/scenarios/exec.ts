// docker exec.

import type { Scenarios } from '../scenario.ts'

const start = 'docker run -d --name p1 -e IMAGE=env busybox sleep 300 >/dev/null'

export const exec: Scenarios = {
  'output and exit status': [
    start,
    'docker exec p1 echo hello',
    'docker exec p1 sh -c "echo out; echo err >&2; exit 7"',
    'docker exec p1 nothing',
    'docker exec p1 /etc/passwd',
    'docker exec p1 /nothing',
    'docker exec p1 sh -c "kill -9 \\$\\$"',
    'docker exec p1 seq 1 3000 | tail -1',
    'docker inspect p1 --format "{{json .ExecIDs}}"',
  ],
  input: [
    start,
    'echo hello | docker exec -i p1 cat',
    'seq 1 5000 | docker exec -i p1 wc -l',
    'docker exec p1 cat',
    'docker exec -i p1 cat < /dev/null',
  ],
  options: [
    start,
    'docker exec -e A=1 -e B p1 env | grep -E "^(A|B|IMAGE)"',
    'docker exec -w /tmp p1 pwd',
    'docker exec -w /nothing p1 pwd',
    'docker exec -w relative p1 pwd',
    'docker exec -u app p1 id',
    'docker exec -u 4242:4343 p1 id',
    'docker exec -u nothing p1 id',
    'docker exec --env-file env.list p1 env | grep -E "^(A|FILE)"',
    'docker exec p1 grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec -u app p1 grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec -t p1 tty | tr -d "\\r"',
    'docker exec -t p1 sh -c "echo out; echo err >&2" | od -c',
    'docker exec -it p1 true',
  ],
  detached: [
    start,
    'docker exec -d p1 touch /tmp/done; n=0; until docker exec p1 ls /tmp/done 2>/dev/null; do n=$((n+1)); [ $n -lt 50 ] || break; sleep .1; done',
    'docker exec -d p1 nothing',
  ],
  'same namespaces and groups as the container': [
    start,
    'docker exec p1 sh -c "for n in mnt net pid ipc uts; do test \\$(readlink /proc/self/ns/\\$n) = \\$(readlink /proc/1/ns/\\$n) && echo \\$n; done"',
    'docker exec p1 sh -c "cmp /proc/1/cgroup /proc/self/cgroup && echo same"',
    'docker run -d --name q1 --memory 64m busybox sleep 300 >/dev/null; docker exec q1 cat /sys/fs/cgroup/memory/memory.limit_in_bytes',
  ],
  'what cannot be': [
    'docker exec nothing true',
    'docker create --name p1 busybox true >/dev/null; docker exec p1 true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker start -a p1; docker exec p1 true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker run -d --name q1 busybox sleep 300 >/dev/null; docker pause q1; docker exec q1 true; docker unpause q1',
    'docker exec q1',
    'docker exec',
    'docker exec q1 ""',
  ],
}
