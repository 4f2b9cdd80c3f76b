// bin/gantry beside the stock docker CLI on the same engine: the same command lines, the same output and exit codes.

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'

import { type Result, run } from '../kit/command.ts'
import type { Gantryd } from '../kit/gantryd.ts'
import { startGantrydWithBusybox } from './engine.ts'

const bin = join(import.meta.dirname, '../../bin')
const gantry = join(bin, 'gantry')

/** The release of the docker CLI whose words gantry has; older ones word their usage errors differently. */
const followed = 28

// One story, told twice. A line may begin with what goes to standard input: `text |`.
const story = `
volume ls
volume create vol10
volume create vol2 --label b=c --label a=b -o type=tmpfs -o device=tmpfs
volume create vol2 --name x
volume create -d bogus y
volume ls
volume ls -q
volume ls --format json
volume ls --format 'table {{.Name}}\\t{{.Labels}}\\t{{.Size}}'
volume ls --filter name=vol1 --format {{.Name}}
volume ls --filter bogus
volume list extra
volume inspect vol2 nosuch vol10
volume inspect nosuch
volume inspect --format {{.Name}} vol2
volume rm nosuch vol2
volume remove -f nosuch vol10
volume rm
network ls
network ls --no-trunc -q --filter name=host
network ls --format '{{.Name}} {{.Driver}} {{.IPv6}} {{.Internal}} {{.Labels}}'
network list --filter driver=null --format json
network ls --filter bogus
network inspect host
network inspect nosuch none
network inspect -f {{.Driver}} none host
image ls
image list --format {{.Repository}}
image ls --filter bogus
image inspect nosuch
image inspect busybox nosuch --format {{.RepoTags}}
image inspect --platform linux/bogus busybox
image tag busybox busybox:again
image history busybox
history busybox --no-trunc
history -q busybox
history busybox --human=false
history --format json --platform linux/amd64 busybox
history --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}' busybox
history nosuch
history
image save nosuch
save -o /nonexistent/x busybox
save -o /tmp busybox
save --platform linux/bogus busybox
save --platform a/b/c/d busybox
save
image load --platform linux/bogus -i /nonexistent
image rm busybox:again
image remove nosuch -f
image rm --platform linux/bogus busybox
image prune -f
image import /nonexistent
container run --rm busybox echo hi
container run -d --name grouped busybox sleep 300
container ls
container ps -a --format {{.Names}}
container list bogus
container exec grouped echo hi
container inspect grouped nosuch --format {{.Name}}
container inspect nosuch
container logs grouped
container top nosuch
container rename grouped regrouped
container stop -t 0 regrouped
container wait regrouped
container start regrouped nosuch
container kill regrouped
container rm regrouped
container remove nosuch
container port nosuch
container diff nosuch
container update nosuch --memory 64m
container bogus
image bogus
network bogus
volume bogus
version --format {{.Server.Version}}
info --format {{.ServerVersion}},{{.Driver}},{{.Containers}}
system info --format {{.ServerVersion}}
system df --format {{.Type}},{{.TotalCount}},{{.Active}}
volume create dfvol
run -d --name dfuser -v dfvol:/v busybox sleep 300
system df -v
system df -v --format json
system df -v --format '{{json .Containers}}'
rm -f dfuser
volume rm dfvol
export -o /tmp nosuch
container prune -f
image prune -f
image prune -f --filter bogus
image prune -f -a --filter label=x
volume prune -f
volume prune -f -a --filter label=x
system prune -f --filter label=x
system prune -f --volumes --filter until=1h
n | system prune -a --volumes --filter label=x
n | container prune
n | image prune
n | image prune -a
n | volume prune
n | volume prune -a
container prune --filter bogus
events --since 1 --until 2
events --since 1 --until 0 --filter bogus
run -d --name watched busybox sleep 300
stats --no-stream --format {{.Name}},{{.PIDs}},{{.MemPerc}}
stats --no-stream nosuch
update --memory 64m --memory-swap -1 --pids-limit 50 watched
update --cpus .5 --restart on-failure:2 watched nosuch
update watched
update --memory x watched
update --restart on-failure:x watched
inspect watched --format {{.HostConfig.Memory}},{{.HostConfig.NanoCpus}},{{.HostConfig.PidsLimit}},{{.HostConfig.RestartPolicy.Name}}
events --since 0 --until 1h --filter container=watched --filter event=start --format {{.Action}},{{.Actor.Attributes.name}}
rm -f watched
bogus
ps
ps extra
ps --filter bogus
ps --bogus
images
images -q --no-trunc
images --filter dangling=true
images --format {{.Repository}}:{{.Tag}}
images --digests
images nosuch
images -f bogus
run
run --rm busybox true
run --rm busybox false
run --rm busybox nosuch
run --rm busybox /etc/passwd
run --rm busybox sh -c 'echo out; echo err >&2; exit 7'
run --rm --pull never nosuch
run --rm --pull sometimes busybox true
run --rm nosuch true
hello | run --rm -i busybox cat
run --rm -it busybox true
run --rm -e A=b -e C busybox env
run --rm -w /foo -u 5:6 busybox sh -c 'pwd; id'
run --rm -h there --domainname example.com busybox hostname -f
run --rm --read-only --tmpfs /t busybox sh -c 'touch /t/x && touch /x'
run --rm --init --cap-drop ALL busybox grep CapEff /proc/self/status
run --rm --ulimit nofile=100:200 --shm-size 1m busybox sh -c 'ulimit -n; df /dev/shm | tail -1'
run --rm --entrypoint echo busybox hi there
run --rm -a stderr busybox sh -c 'echo out; echo err >&2'
run --rm --add-host a=1.2.3.4 busybox grep 1.2.3.4 /etc/hosts
run --rm --dns 1.2.3.4 --dns-search x.y busybox cat /etc/resolv.conf
run --rm --mount type=tmpfs,target=/x,tmpfs-size=1m busybox sh -c 'df /x | tail -1'
run --rm --env-file /nonexistent busybox true
run --rm --env-file /tmp busybox true
run --rm --label-file /nonexistent busybox true
run --rm --security-opt seccomp=/nonexistent busybox true
run --rm --security-opt foo busybox true
run --rm --bogus busybox true
run --rm=maybe busybox true
run -itz busybox true
run --rm --memory abc busybox true
run --rm --cpus x busybox true
run --rm --cpus 0.0000000001 busybox true
run --rm --dns x busybox true
run --rm --add-host bad busybox true
run --rm --add-host a:b busybox true
run --rm --ulimit nofile busybox true
run --rm -e =x busybox true
run --rm -l =x busybox true
run --rm -a bogus busybox true
run -d -a stdout busybox true
run --rm --device : busybox true
run --rm --device /dev/null:x:q busybox true
run --rm --device-cgroup-rule x busybox true
run --rm --device-read-bps x busybox true
run --rm --mount x busybox true
run --rm --mount type=bind busybox true
run --rm -p abc busybox true
run --rm -p x:1:2 busybox true
run --rm --expose foo busybox true
run --rm --pid bogus busybox true
run --rm --cgroupns bogus busybox true
run --rm --restart always busybox true
run --rm --restart on-failure:x busybox true
run --rm --health-interval 1 busybox true
run --rm --health-retries -1 busybox true
run --rm --cidfile /etc/passwd busybox true
run -d --name up --stop-signal KILL -l a=b -p 127.0.0.1::80 busybox sh -c 'echo one; exec sleep 300'
run -d --name up busybox true
create --name made -v /data busybox true
create nosuch
cp up
cp a b
cp up:/a up:/b
cp '' up:/x
cp nosuch:/x /tmp
cp up:/nothing /tmp
cp up:/etc/group /nonexistent/x
cp /etc/nonexistent up:/tmp
cp /etc/hostname up:/nothing/
cp /etc/hostname up:/nothing/x
cp /etc/hostname up:/etc
cp /etc/hostname up:/tmp/name
cp - up:/etc/passwd
not an archive | cp - up:/tmp
cp up:/tmp/name -
cp --bogus up:/x y
exec up rm /tmp/name
diff made
diff nosuch
diff
export nosuch
export -o /nonexistent/x made
export -o /tmp
exec up sh -c 'mkdir /n && touch /n/f && rm /etc/group'
diff up
commit -a me -m why -c 'ENV Z=1' up image:two
commit --pause=false -c 'RUN x' up
commit up BAD
commit up image@sha256:0000000000000000000000000000000000000000000000000000000000000000
commit nosuch
commit
inspect image:two --format '{{json .Config.Env}},{{.Author}},{{.Comment}}'
rmi image:two
ps
ps -a
ps -aq --no-trunc
ps -a --format '{{.Names}} {{.Image}} {{.State}} {{.Command}} {{.Labels}} {{.Networks}}'
ps -a --format 'table {{.Names}}\\t{{.State}}'
ps --filter name=up --filter status=running -q
ps -l
ps -n 1
logs up
logs --tail 0 up
logs --tail x up
logs --since bogus up
logs nosuch
logs made
inspect nosuch
inspect -f '{{.Name}} {{.State.Status}} {{json .Config.Cmd}}' up made
inspect --type image up
inspect --type container busybox
inspect busybox
inspect up made
exec up echo hi
exec up sh -c 'exit 9'
exec up nosuch
exec up /etc
exec nosuch true
exec made true
exec -d up true
exec -w /tmp -u 1:2 -e A=b up sh -c 'pwd; id; echo $A'
exec -e =b up env
exec -it up true
exec up
in | exec -i up cat
port up 81
port up x/y
port made
port nosuch
top made
top nosuch
rename up made
rename up bad/name
rename nosuch x
rename up ''
rename up risen
rename risen up
pause up
pause up
attach up
unpause up
unpause up
attach made
attach nosuch
kill -s BOGUS up
kill made
kill nosuch
restart -t 0 up
stop -s BOGUS up
stop up nosuch made
start -a up made
start nosuch up
kill up
wait up nosuch
start -a made
wait made
rm nosuch
rm -f nosuch
start up
rm up
rm -f up
rm -v made nosuch
tag busybox other:x
tag busybox Bad
tag nosuch x
rmi other:x
rmi nosuch
rmi -f nosuch
load -i /nonexistent
load extra
not an archive | load
import /nonexistent
`

const parts = /'([^']*)'|(\S+)/g
const split = (line: string) => [...line.matchAll(parts)].map(([, quoted, word]) => quoted ?? word ?? '')

async function tell(engine: Gantryd, cli: string): Promise<Map<string, Result>> {
  const results = new Map<string, Result>()
  for (const line of story.trim().split('\n')) {
    const [, input, command = ''] = /^(?:([^'-]+) \| )?(.*)$/.exec(line) ?? []
    const { code, ...said } = await engine.run([cli, ...split(command)], input ? { stdin: input } : {})
    // Some are said twice.
    results.set(`${results.size} ${line}`, { code, stdout: plain(said.stdout), stderr: plain(said.stderr) })
  }
  await engine.removeContainers()
  return results
}

const age = '(?:Less than a second|About a \\w+|\\d+ \\w+)'

// What differs between two containers that were made in the same way.
function plain(text: string): string {
  return (
    text
      .replaceAll('gantry', 'docker')
      // What docker's tar writer logs when the engine refuses first; it does not always come to that.
      .replace(/^time="[^"]*" level=error msg="Can't .*\n/gm, '')
      .replace(/\b[0-9a-f]{12}(?:[0-9a-f]{52})?\b/g, '<id>')
      .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*/g, '<time>')
      .replace(new RegExp(`${age}( ago)?`, 'g'), '<age>')
      .replace(/("IPAddress": ")[^"]+/g, '$1<address>')
      .replace(/\/proc\/\d+\//g, '/proc/<pid>/')
      .replace(/\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>')
      .replace(/(127\.0\.0\.1:|"HostPort": ")\d+/g, '$1<port>')
      .replace(/"Pid": \d+/g, '"Pid": <pid>')
      .replace(/ {2,}/g, '  ')
  )
}

async function majorVersion(engine: Gantryd): Promise<number> {
  return Number.parseInt(await engine.ok(['version', '--format', '{{.Client.Version}}']), 10)
}

test('every verb says and ends as with the docker CLI', { timeout: 300_000 }, async t => {
  await using engine = await startGantrydWithBusybox()
  const version = await majorVersion(engine)
  if (version < followed) return t.skip(`the docker CLI here is ${version}; gantry has the words of ${followed}`)
  const expected = await tell(engine, 'docker')
  const actual = await tell(engine, gantry)
  const differing = [...expected.keys()].filter(line => !isDeepStrictEqual(actual.get(line), expected.get(line)))
  const pick = (results: Map<string, Result>) => differing.map(line => [line, results.get(line)])
  assert.deepEqual(pick(actual), pick(expected))
})

test('what is not an option of node is passed on to the program', async () => {
  const file = await run([gantry, 'run', '--env-file=/nonexistent', 'x'], {})
  assert.match(file.stderr, /^gantry: open \/nonexistent: no such file or directory\n/)
  assert.equal(file.code, 125)
})

test('gantryd says what is wrong with its command line before it does anything', async () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['--bogus', /^gantryd: unknown flag: --bogus\n/],
    ['--bip=1', /^gantryd: invalid CIDR address: 1\n/],
    ['--log-level=loud', /^gantryd: invalid argument "loud" for "-l, --log-level" flag: /],
    ['--config-file=/nonexistent', /^gantryd: unable to configure the daemon with file \/nonexistent: /],
    ['operand', /^gantryd: unexpected argument: operand\n/],
  ]
  for (const [flag, message] of wrong) {
    const { code, stdout, stderr } = await run([join(bin, 'gantryd'), flag])
    assert.match(stderr, message)
    assert.match(stderr, /\nSee 'gantryd --help'\.\n$/)
    assert.deepEqual([code, stdout], [1, ''])
  }
})

test('gantryd answers --help, --version and --validate and ends', async () => {
  for (const [flag, answer] of [
    ['--help', /^Usage: {2}gantryd \[OPTIONS\]\n/],
    ['--version', /^Gantry version \d+\.\d+\.\d+\n$/],
    ['--validate', /^configuration OK\n$/],
  ] as const) {
    const { code, stdout, stderr } = await run([join(bin, 'gantryd'), flag])
    assert.match(stdout, answer)
    assert.deepEqual([code, stderr], [0, ''])
  }
})
