// docker update: limits and restart policies of containers that run, are paused, have ended or have not begun.

import type { Scenarios } from '../scenario.ts'

const sleeper = (flags = '') => `docker run -d --name p1 ${flags} busybox sleep 300 >/dev/null`
const cgroup = (...files: readonly string[]) => `docker exec p1 sh -c "cd /sys/fs/cgroup; cat ${files.join(' ')}" 2>&1`
const memory = cgroup('memory/memory.limit_in_bytes', 'memory/memory.memsw.limit_in_bytes')
const processor = cgroup('cpu/cpu.cfs_period_us', 'cpu/cpu.cfs_quota_us', 'cpu/cpu.shares')
const field = (...names: readonly string[]) =>
  `docker inspect p1 --format "${names.map(name => `{{json .HostConfig.${name}}}`).join(' ')}"`
const post = (body: string) =>
  `curl -sS -o answer -w "%{http_code}\\n" --unix-socket "\${DOCKER_HOST#unix://}" -H "Content-Type: application/json" -d '${body}' http://d/v1.41/containers/p1/update; cat answer`
const texts = 'sed "s/[0-9a-f]\\{64\\}/ID/g"'

export const update: Scenarios = {
  'memory of a running container': [
    sleeper('--memory 64m'),
    memory,
    'docker update --memory 32m p1',
    memory,
    `docker update --memory 256m p1 2>&1 | ${texts}`,
    'docker update --memory 256m --memory-swap 512m p1',
    memory,
    'docker update --memory 128m --memory-swap 128m p1',
    memory,
    'docker update --memory-swap 1g p1',
    'docker update --memory-reservation 10m p1',
    cgroup('memory/memory.soft_limit_in_bytes'),
    field('Memory', 'MemorySwap', 'MemoryReservation'),
    'docker update --memory 1m p1',
    'docker update --memory 64m --memory-swap 32m p1',
    'docker update --memory-reservation 1m p1',
    'docker restart -t 0 p1 >/dev/null',
    memory,
  ],
  'processor of a running container': [
    sleeper(),
    'docker update --cpus .5 p1',
    processor,
    `docker update --cpu-quota 20000 p1 2>&1 | ${texts}`,
    `docker update --cpu-period 20000 p1 2>&1 | ${texts}`,
    'docker update --cpu-shares 300 --cpuset-cpus 0 --cpuset-mems 0 p1',
    processor,
    cgroup('cpuset/cpuset.cpus'),
    'docker update --cpuset-cpus 77 p1 2>&1 | cut -d, -f1',
    'docker update --cpuset-cpus x p1',
    'docker update --cpus 100 p1 2>&1 | cut -d. -f1',
    field('NanoCpus', 'CpuShares', 'CpusetCpus', 'CpusetMems', 'CpuQuota'),
    'docker rm -f p1',
    sleeper('--cpu-quota 50000'),
    `docker update --cpus 1 p1 2>&1 | ${texts}`,
    'docker update --cpu-quota 20000 --cpu-period 50000 p1',
    processor,
    'docker update --cpu-quota -1 p1',
    processor,
  ],
  'processes of a running container': [
    sleeper('--pids-limit 20'),
    'docker update --pids-limit 30 p1',
    cgroup('pids/pids.max'),
    field('PidsLimit'),
    'docker update --pids-limit -1 p1',
    cgroup('pids/pids.max'),
    field('PidsLimit'),
    'docker update --pids-limit 0 p1',
    field('PidsLimit'),
  ],
  'a container that does not run': [
    'docker create --name p1 busybox sleep 300 >/dev/null',
    'docker update --memory 64m --cpus .5 --pids-limit 9 p1',
    field('Memory', 'MemorySwap', 'NanoCpus', 'PidsLimit'),
    'docker start p1',
    cgroup('memory/memory.limit_in_bytes', 'cpu/cpu.cfs_quota_us', 'pids/pids.max'),
    'docker pause p1; docker update --memory 32m p1; docker unpause p1',
    cgroup('memory/memory.limit_in_bytes'),
    'docker stop -t 0 p1; docker update --cpus 1 p1; docker start p1',
    cgroup('cpu/cpu.cfs_quota_us'),
    'docker update --memory 64m nothing',
    'docker update p1',
  ],
  'restart policies': [
    sleeper(),
    'docker update --restart always p1',
    field('RestartPolicy'),
    'docker update --restart on-failure:3 p1',
    field('RestartPolicy'),
    'docker update --restart sometimes p1',
    'docker update --restart always:3 p1',
    'docker update --restart on-failure:x p1',
    'docker update --restart no p1',
    field('RestartPolicy'),
    'docker run -d --rm --name q1 busybox sleep 300 >/dev/null',
    `docker update --restart always q1 2>&1 | ${texts}`,
    'docker update --restart no q1',
    'docker run -d --name r1 busybox sh -c "test -f /done && sleep 300; touch /done; sleep 1; exit 1" >/dev/null; docker update --restart on-failure r1',
    'until test "$(docker inspect r1 --format "{{.RestartCount}} {{.State.Running}}")" = "1 true"; do sleep .1; done',
  ],
  'what else a request may hold': [
    sleeper('--memory 64m --memory-swap 64m'),
    post('{}'),
    post('{"Memory":-1}'),
    post('{"PidsLimit":-5}'),
    post('{"RestartPolicy":{"Name":"","MaximumRetryCount":3}}'),
    post('{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":-3}}'),
    post('{"BlkioWeight":5}'),
    post('{"CpuPercent":5}'),
    post('{"CpuPeriod":5}'),
    post('{"CpuQuota":5}'),
    post('{"Ulimits":[{"Name":"nofile","Soft":1,"Hard":1}]}'),
    post('{"MemorySwappiness":10}'),
    field('Memory', 'PidsLimit', 'RestartPolicy', 'MemorySwappiness', 'Ulimits'),
    'docker events --since 1 --until "$(date +%s)" --filter event=update --filter container=p1 --format "{{.Action}} {{.Actor.Attributes.name}}" | sort -u',
  ],
}
