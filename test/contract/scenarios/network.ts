// Networks of containers: bridge, none, host, another container's; published ports.

import type { Scenarios } from '../scenario.ts'

const serve = 'busybox httpd -f -p 80 -h /var/www'
const fetch = (address: string) =>
  `n=0; until timeout 2 busybox wget -qO- http://${address}/ 2>/dev/null; do n=$((n+1)); [ $n -lt 50 ] || { echo unreachable; break; }; sleep .1; done`

export const network: Scenarios = {
  'networks by filters': [
    `for filter in ${['name=host', 'name=o', 'name=nothing', 'driver=host', 'driver=null', 'scope=local', 'scope=swarm', 'type=builtin', 'type=custom', 'type=x', 'dangling=true', 'dangling=0', 'dangling=maybe', 'label=a', 'id=nothing', 'nothing=x'].join(' ')}; do echo "[$filter]"; docker network ls --filter "$filter" --format "{{.Name}} {{.Driver}} {{.Scope}}"; done`,
    'docker network ls -q --filter name=host --filter name=none | wc -l; docker network ls -q --no-trunc -f type=builtin | wc -l -c',
  ],
  bridge: [
    'docker run --rm busybox sh -c "ip -o -4 addr show eth0 | cut -d: -f2; ip route"',
    'docker run --rm busybox sh -c "ip -o link | cut -d: -f2 | cut -d@ -f1"',
    'docker run --rm busybox sh -c "cat /etc/hosts | sed -n 1p; grep -c \\$(hostname) /etc/hosts"',
    'docker run --rm busybox ping -c 1 -W 2 10.211.0.1 | sed -n 1p',
    `docker run -d --name p1 ${serve} >/dev/null; docker run --rm busybox sh -c "${fetch('$(echo 10.211.0.2)').replaceAll('$', '\\$')}"`,
    'docker inspect p1 --format "{{.NetworkSettings.Networks.bridge.IPAddress}}/{{.NetworkSettings.Networks.bridge.IPPrefixLen}} {{.NetworkSettings.Networks.bridge.Gateway}} {{.HostConfig.NetworkMode}}"',
    'docker inspect p1 --format "{{range \\$k, \\$v := .NetworkSettings.Networks}}{{\\$k}} {{len \\$v.NetworkID}} {{len \\$v.EndpointID}} {{end}}"',
  ],
  'bridge by all its names': [
    'docker run --rm --network bridge busybox sh -c "ip -o -4 addr show eth0 | wc -l"',
    'docker run --rm --net default busybox sh -c "ip -o -4 addr show eth0 | wc -l"',
  ],
  none: [
    'docker run --rm --network none busybox sh -c "ip -o link | cut -d: -f2; ip route; cat /etc/hosts"',
    'docker create --name p1 --network none busybox >/dev/null; docker start p1; docker inspect p1 --format "{{.HostConfig.NetworkMode}} {{json .NetworkSettings.Ports}}"',
    'docker run --rm --network none -p 8080:80 busybox true',
  ],
  host: [
    'docker run --rm --network host busybox sh -c "ip -o link | grep -c lo:; hostname" | sed -n 1p',
    'docker run --rm --network host -p 8080:80 busybox true',
    'docker run --rm --network host --hostname x busybox hostname',
    'docker run --rm --network host --add-host x:1.2.3.4 busybox grep x /etc/hosts',
  ],
  'another container’s': [
    `docker run -d --name p1 --hostname first ${serve} >/dev/null; docker run --rm --network container:p1 busybox sh -c "hostname; ip -o -4 addr show eth0 | cut -d: -f2; wget -qO- 127.0.0.1"`,
    'docker run --rm --network container:nothing busybox true',
    'docker run --rm --network container:p1 -p 80:80 busybox true',
    'docker run --rm --network container:p1 --hostname x busybox true',
    'docker run --rm --network container:p1 --dns 1.1.1.1 busybox true',
    'docker run --rm --network container:p1 --add-host a:1.1.1.1 busybox true',
    'docker create --name q1 busybox true >/dev/null; docker run --rm --network container:q1 busybox true 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
  ],
  'unknown network': [
    'docker run --rm --network nothing busybox true',
    'docker create --name p1 --network nothing busybox true >/dev/null && docker start p1',
  ],
  'published ports': [
    `docker run -d --name p1 -p 8080:80 ${serve} >/dev/null; ${fetch('127.0.0.1:8080')}`,
    fetch('10.211.0.1:8080'),
    fetch('localhost:8080'),
    'docker port p1',
    'docker port p1 80',
    'docker port p1 80/tcp',
    'docker port p1 81',
    'docker port nothing',
    'docker ps --format "{{.Names}} {{.Ports}}"',
    'docker inspect p1 --format "{{json .NetworkSettings.Ports}} {{json .HostConfig.PortBindings}} {{json .Config.ExposedPorts}}"',
    'docker stop -t 0 p1; docker port p1; docker inspect p1 --format "{{json .NetworkSettings.Ports}}"',
    `docker start p1; ${fetch('127.0.0.1:8080')}`,
  ],
  'published on one address': [
    `docker run -d --name p1 -p 127.0.0.1:8081:80 ${serve} >/dev/null; ${fetch('127.0.0.1:8081')}`,
    'docker port p1',
    'timeout 2 busybox wget -qO- http://10.211.0.1:8081/',
  ],
  'ranges, several, udp': [
    `docker run -d --name p1 -p 9000-9002:80-82 -p 9100:80/udp -p 9101:80 ${serve} >/dev/null; docker port p1 | sort`,
    'docker inspect p1 --format "{{json .HostConfig.PortBindings}}"',
    fetch('127.0.0.1:9101'),
    'docker ps --format "{{.Ports}}"',
  ],
  'all exposed ports': [
    `docker run -d --name p1 -P --expose 80 --expose 90/udp ${serve} >/dev/null; docker port p1 | sed "s/:[0-9]*$/:PORT/" | sort`,
    'docker inspect p1 --format "{{json .Config.ExposedPorts}} {{.HostConfig.PublishAllPorts}}"',
    `port=$(docker port p1 80 | sed -n 1p | sed 's/.*://'); ${fetch('127.0.0.1:$port')}`,
  ],
  'a port of the engine’s choice': [
    `docker run -d --name p1 -p 80 ${serve} >/dev/null; docker port p1 | sed "s/:[0-9]*$/:PORT/"`,
  ],
  'a taken port': [
    `docker run -d --name p1 -p 8080:80 ${serve} >/dev/null; docker run -d --name q1 -p 8080:80 busybox sleep 300 | wc -c`,
    'docker ps -a --format "{{.Names}} {{.Status}}" | sed "s/Up.*/Up/"',
    'docker inspect q1 --format "{{.State.ExitCode}} {{.State.Status}}"',
    'docker rm -f p1; docker start q1; docker port q1',
  ],
  'a port another program listens on': [
    'busybox nc -ll -p 8099 & p=$!; until busybox netstat -ltn | grep -q 8099; do sleep .05; done; docker run --rm --name p1 -p 8099:80 busybox true; r=$?; kill $p; exit $r',
  ],
  'malformed ports': [
    'docker run --rm -p bad busybox true',
    'docker run --rm -p 80:90:100:110 busybox true',
    'docker run --rm -p 70000:80 busybox true',
    'docker run --rm -p 8080:80/bad busybox true',
    'docker run --rm -p 1-3:1-2 busybox true',
    'docker run --rm -p bad:80:80 busybox true',
    'docker run --rm --name p1 -p 192.0.2.99:8080:80 busybox true',
    'docker run --rm --expose bad busybox true',
    'docker run --rm --mac-address bad busybox true',
  ],
  'fixed addresses': [
    'docker run --rm --ip 10.211.0.77 busybox true',
    'DOCKER_API_VERSION=1.41 docker run --rm --mac-address 02:42:ac:11:00:99 busybox cat /sys/class/net/eth0/address',
    'docker run --rm --link nothing busybox true',
  ],
}
