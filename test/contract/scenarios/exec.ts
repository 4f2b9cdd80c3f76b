// docker exec.

import type { Scenarios } from '../scenario.ts'

const start = 'docker run -d --name c -e IMAGE=env busybox sleep 300 >/dev/null'

export const exec: Scenarios = {
  'output and exit status': [
    start,
    'docker exec c echo hello',
    'docker exec c sh -c "echo out; echo err >&2; exit 7"',
    'docker exec c nothing',
    'docker exec c /etc/passwd',
    'docker exec c /nothing',
    'docker exec c sh -c "kill -9 \\$\\$"',
    'docker exec c seq 1 3000 | tail -1',
    'docker inspect c --format "{{json .ExecIDs}}"',
  ],
  input: [
    start,
    'echo hello | docker exec -i c cat',
    'seq 1 5000 | docker exec -i c wc -l',
    'docker exec c cat',
    'docker exec -i c cat < /dev/null',
  ],
  options: [
    start,
    'docker exec -e A=1 -e B c env | grep -E "^(A|B|IMAGE)"',
    'docker exec -w /tmp c pwd',
    'docker exec -w /nothing c pwd',
    'docker exec -w relative c pwd',
    'docker exec -u app c id',
    'docker exec -u 4242:4343 c id',
    'docker exec -u nothing c id',
    'docker exec --env-file env.list c env | grep -E "^(A|FILE)"',
    'docker exec c grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec -u app c grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec --privileged c grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status',
    'docker exec -t c tty | tr -d "\\r"',
    'docker exec -t c sh -c "echo out; echo err >&2" | od -c',
    'docker exec -it c true',
  ],
  detached: [
    start,
    'docker exec -d c touch /tmp/done; n=0; until docker exec c ls /tmp/done 2>/dev/null; do n=$((n+1)); [ $n -lt 50 ] || break; sleep .1; done',
    'docker exec -d c nothing',
  ],
  'same namespaces and groups as the container': [
    start,
    'docker exec c sh -c "for n in mnt net pid ipc uts; do test \\$(readlink /proc/self/ns/\\$n) = \\$(readlink /proc/1/ns/\\$n) && echo \\$n; done"',
    'docker exec c sh -c "cmp /proc/1/cgroup /proc/self/cgroup && echo same"',
    'docker run -d --name d --memory 64m busybox sleep 300 >/dev/null; docker exec d cat /sys/fs/cgroup/memory/memory.limit_in_bytes',
  ],
  'what cannot be': [
    'docker exec nothing true',
    'docker create --name c busybox true >/dev/null; docker exec c true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker start -a c; docker exec c true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker run -d --name d busybox sleep 300 >/dev/null; docker pause d; docker exec d true; docker unpause d',
    'docker exec d',
    'docker exec',
    'docker exec d ""',
  ],
}
