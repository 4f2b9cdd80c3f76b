// docker exec.

import type { Scenarios } from '../scenario.ts'

const start = 'docker run -d --name c1 -e IMAGE=env busybox sleep 300 >/dev/null'

export const exec: Scenarios = {
  'output and exit status': [
    start,
    'docker exec c1 echo hello',
    'docker exec c1 sh -c "echo out; echo err >&2; exit 7"',
    'docker exec c1 nothing',
    'docker exec c1 /etc/passwd',
    'docker exec c1 /nothing',
    'docker exec c1 sh -c "kill -9 \\$\\$"',
    'docker exec c1 seq 1 3000 | tail -1',
    'docker inspect c1 --format "{{json .ExecIDs}}"',
  ],
  input: [
    start,
    'echo hello | docker exec -i c1 cat',
    'seq 1 5000 | docker exec -i c1 wc -l',
    'docker exec c1 cat',
    'docker exec -i c1 cat < /dev/null',
  ],
  options: [
    start,
    'docker exec -e A=1 -e B c1 env | grep -E "^(A|B|IMAGE)"',
    'docker exec -w /tmp c1 pwd',
    'docker exec -w /nothing c1 pwd',
    'docker exec -w relative c1 pwd',
    'docker exec -u app c1 id',
    'docker exec -u 4242:4343 c1 id',
    'docker exec -u nothing c1 id',
    'docker exec --env-file env.list c1 env | grep -E "^(A|FILE)"',
    'docker exec c1 grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec -u app c1 grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec --privileged c1 grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec -t c1 tty | tr -d "\\r"',
    'docker exec -t c1 sh -c "echo out; echo err >&2" | od -c',
    'docker exec -it c1 true',
  ],
  detached: [
    start,
    'docker exec -d c1 touch /tmp/done; n=0; until docker exec c1 ls /tmp/done 2>/dev/null; do n=$((n+1)); [ $n -lt 50 ] || break; sleep .1; done',
    'docker exec -d c1 nothing',
  ],
  'same namespaces and groups as the container': [
    start,
    'docker exec c1 sh -c "for n in mnt net pid ipc uts; do test \\$(readlink /proc/self/ns/\\$n) = \\$(readlink /proc/1/ns/\\$n) && echo \\$n; done"',
    'docker exec c1 sh -c "cmp /proc/1/cgroup /proc/self/cgroup && echo same"',
    'docker run -d --name d1 --memory 64m busybox sleep 300 >/dev/null; docker exec d1 cat /sys/fs/cgroup/memory/memory.limit_in_bytes',
  ],
  'what cannot be': [
    'docker exec nothing true',
    'docker create --name c1 busybox true >/dev/null; docker exec c1 true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker start -a c1; docker exec c1 true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker run -d --name d1 busybox sleep 300 >/dev/null; docker pause d1; docker exec d1 true; docker unpause d1',
    'docker exec d1',
    'docker exec',
    'docker exec d1 ""',
  ],
}
