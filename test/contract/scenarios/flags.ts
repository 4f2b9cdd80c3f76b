// Flags that the other scenarios leave out, a few commands each.

import type { Scenarios } from '../scenario.ts'

const hostConfig = (name: string, ...fields: string[]) =>
  `docker inspect ${name} --format '${fields.map(field => `{{json .HostConfig.${field}}}`).join(' ')}'`
const sleeping = (name: string, flags = '') => `docker run -d --name ${name} ${flags} busybox sleep 300 >/dev/null`
const cgroup = (controller: string, file: string) => `cat /sys/fs/cgroup/${controller}/${file}`
const waiting = (name: string, flags: string) =>
  `docker create ${flags} --name ${name} busybox sh -c "trap 'exit 5' TERM; echo ready; while :; do sleep .05; done" >/dev/null`
const signalled = (command: string) =>
  `${command} > out & p=$!; until grep -q ready out; do sleep .05; done; kill -TERM $p; wait $p; echo $?`

export const flags: Scenarios = {
  'block devices': [
    'docker run --rm --blkio-weight 300 busybox true',
    'docker run --rm --blkio-weight 9 busybox true',
    'docker run --rm --blkio-weight 1001 busybox true',
    'docker create --blkio-weight bad busybox',
    'docker run --rm --blkio-weight-device /dev/vda:200 busybox true',
    'docker create --blkio-weight-device /dev/vda busybox',
    'docker create --blkio-weight-device /dev/vda:9 busybox',
    'docker run --rm --blkio-weight-device /dev/nothing:200 busybox true',
    `docker run --rm --device-read-bps /dev/vda:1mb --device-write-bps /dev/vda:2mb busybox sh -c "${cgroup('blkio', 'blkio.throttle.read_bps_device')}; ${cgroup('blkio', 'blkio.throttle.write_bps_device')}" | cut -d" " -f2`,
    `docker run --rm --device-read-iops /dev/vda:100 --device-write-iops /dev/vda:200 busybox sh -c "${cgroup('blkio', 'blkio.throttle.read_iops_device')}; ${cgroup('blkio', 'blkio.throttle.write_iops_device')}" | cut -d" " -f2`,
    'docker run --rm --device-read-bps /dev/nothing:1mb busybox true',
    'docker run --rm --device-write-iops /etc/passwd:1 busybox true',
    'docker create --device-read-bps /dev/vda busybox',
    'docker create --device-write-iops /dev/vda:-1 busybox',
    `docker create --name p1 --device-read-bps /dev/vda:1mb --device-write-bps /dev/vda:2mb --device-read-iops /dev/vda:3 --device-write-iops /dev/vda:4 busybox >/dev/null; ${hostConfig('p1', 'BlkioDeviceReadBps', 'BlkioDeviceWriteBps', 'BlkioDeviceReadIOps', 'BlkioDeviceWriteIOps', 'BlkioWeight', 'BlkioWeightDevice')}`,
  ],
  'processor and memory': [
    `docker run --rm --cpuset-mems 0 busybox ${cgroup('cpuset', 'cpuset.mems')}`,
    'docker run --rm --cpuset-mems 9 busybox true',
    'docker create --cpuset-mems bad busybox',
    'docker run --rm --cpu-rt-runtime 1000 busybox true 2>/dev/null',
    'docker run --rm --cpu-rt-period 1000000 --cpu-rt-runtime 2000000 busybox true',
    'docker create --cpu-rt-period bad busybox',
    `docker run --rm --memory 64m --memory-swappiness 0 busybox ${cgroup('memory', 'memory.swappiness')}`,
    'docker run --rm --memory-swappiness 101 busybox true',
    'docker run --rm --memory-swappiness -2 busybox true',
    'docker run --rm --memory 64m --kernel-memory 32m busybox true 2>/dev/null',
    'docker run --rm --memory 64m --oom-kill-disable busybox true',
    'docker run --rm --oom-kill-disable busybox true',
    'docker create --cpu-count 1 busybox',
    'docker create --cpu-percent 10 busybox',
    'docker create --io-maxbandwidth 1mb busybox',
    'docker create --io-maxiops 10 busybox',
    `${sleeping('p1')}; docker update --blkio-weight 9 p1; docker update --cpu-rt-period bad p1; docker update --blkio-weight 200 p1; ${hostConfig('p1', 'BlkioWeight')}; docker rm -f p1; docker create --name q1 busybox >/dev/null; docker update --cpu-rt-runtime 1000 q1; ${hostConfig('q1', 'CpuRealtimeRuntime')}`,
  ],
  'cgroups and volume drivers': [
    `${sleeping('q1', '--cgroup-parent "/$(basename "$(dirname "$PWD")")/given"')}; grep -c "pids:/$(basename "$(dirname "$PWD")")/given/$(docker inspect q1 --format "{{.Id}}")$" /proc/$(docker inspect q1 --format "{{.State.Pid}}")/cgroup; docker inspect q1 --format "{{.HostConfig.CgroupParent}}" | sed 's|.*/||'; docker rm -f q1`,
    'find /sys/fs/cgroup/*/"$(basename "$(dirname "$PWD")")" -depth -type d -exec rmdir {} +',
    `docker create --name r1 --volume-driver local -v flagged:/v busybox >/dev/null; ${hostConfig('r1', 'VolumeDriver')}; docker rm r1; docker volume rm flagged`,
  ],
  'health checks': [
    'docker create --name p1 --health-cmd true --health-interval 1s --health-timeout 2s --health-retries 3 --health-start-period 4s busybox >/dev/null; docker inspect p1 --format "{{json .Config.Healthcheck}}"',
    'docker create --health-cmd true --health-interval 1us busybox',
    'docker create --health-cmd true --health-retries -1 busybox',
    'docker create --health-cmd true --health-start-period -1s busybox',
    'docker create --name q1 --no-healthcheck busybox >/dev/null; docker inspect q1 --format "{{json .Config.Healthcheck}}"',
    'docker create --no-healthcheck --health-cmd true busybox',
  ],
  addresses: [
    'docker run --rm --ip 10.211.0.77 busybox true',
    'docker run --rm --ip6 fd00::7 busybox true',
    'docker run --rm --ip bad busybox true',
    'docker run --rm --link-local-ip 169.254.8.8 busybox true',
    'docker run --rm --network-alias other busybox true',
    'docker run --rm --network host --network-alias other busybox true',
    'docker run --rm --mac-address bad busybox true',
    'docker run --rm --link nothing busybox true',
  ],
  'quiet and unprivileged': [
    'docker run --rm --quiet --pull never nothing true',
    'docker create --quiet --pull never nothing',
    `${sleeping('p1')}; echo text > f1; docker cp --quiet f1 p1:/tmp/f1; docker cp -q p1:/tmp/f1 f2; cat f2; rm f1 f2`,
    'docker exec --privileged p1 grep CapEff /proc/self/status',
    'docker exec --privileged -u app p1 grep CapEff /proc/self/status',
    'docker exec --detach-keys ctrl-a,b p1 echo yes',
    'docker exec --detach-keys nothing p1 echo yes',
    'docker stats --no-stream --no-trunc --format "{{len .ID}} {{.Name}}" p1',
    'docker run --rm --detach-keys nothing busybox true',
    'docker attach --detach-keys nothing p1',
    'docker start -ai --detach-keys nothing p1',
  ],
  'signals by the client': [
    `${waiting('p1', '')}; docker start p1; ${signalled('docker attach --sig-proxy=true p1 & q=$!; docker logs -f p1')}; kill -TERM $q; wait $q; echo $?; docker wait p1`,
    `docker start p1; docker restart --signal KILL p1; docker inspect p1 --format "{{.State.Status}}"`,
  ],
  'all that is unused': [
    'docker create --name p1 busybox >/dev/null',
    'docker system prune --all --force --volumes --filter until=1h | tail -1',
    'docker system prune --all --force --filter label=keep | tail -1',
    'docker system prune --all --force --volumes | sed "s/space:.*/space/" | grep -E "^(Deleted|Total|untagged)"',
    'docker ps -aq; docker images -q; docker load -q -i busybox.tar',
  ],
}
