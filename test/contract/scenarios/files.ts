// Copying files to and from containers, what has changed in them, and their file systems as archives.

import type { Scenarios } from '../scenario.ts'

const start = (name: string, flags = '') => `docker run -d --name ${name} ${flags} busybox sleep 300 >/dev/null`
const tree =
  'rm -rf t out; mkdir -p t/d/sub; echo one >t/d/f; echo two >t/d/sub/g; ln -s f t/d/l; ln -s d t/link; echo three >t/file; ln -s file t/lfile; ln -s nowhere t/dangling; touch -d 2001-02-03T04:05:06 t/d/f'
const fill =
  'mkdir -p /x/d/sub; echo one >/x/d/f; echo two >/x/d/sub/g; ln -s f /x/d/l; ln -s d /x/link; echo three >/x/file; ln -s file /x/lfile; ln -s nowhere /x/dangling; ln /x/d/f /x/d/h; mkfifo /x/d/p; touch -d "2001-02-03 04:05:06" /x/d/f'
const inside = (name: string, path: string) =>
  `docker exec ${name} sh -c 'cd ${path} && find . | sort | while read f; do stat -c "%n %F %a %u:%g %s" "$f"; done'`
const outside = (path: string) => `find ${path} | sort | while read f; do stat -c "%n %F %a %u:%g" "$f"; done`

/** The file system that `docker diff` sorts in no order, and what only the runtimes make of mount points. */
const changes = (name: string) => `docker diff ${name} | sort -k 2`

const image = (name: string) =>
  `docker inspect ${name} --format "{{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.Env}} {{json .Config.Labels}} {{json .Config.User}} {{json .Config.WorkingDir}} {{json .Config.ExposedPorts}} {{json .Config.Volumes}} {{json .Config.OnBuild}} {{json .Config.StopSignal}} {{json .Config.Healthcheck}}"`

export const files: Scenarios = {
  'cp to a running container': [
    tree,
    start('p1'),
    'docker cp t/file p1:/tmp; docker exec p1 cat /tmp/file',
    'docker cp t/file p1:/tmp/renamed; docker exec p1 cat /tmp/renamed',
    'for p in /tmp/renamed/ /nothing/ /nothing/x; do docker cp t/file p1:$p 2>&1 | grep -v level=error; done',
    'docker cp t/d p1:/tmp; docker cp t/d p1:/tmp/new; docker cp t/d/. p1:/tmp/content; docker cp t/d/. p1:/tmp/d/sub',
    inside('p1', '/tmp'),
    'docker exec p1 stat -c %Y /tmp/d/f',
    'docker cp t/d p1:/tmp/file; docker cp t/file p1:/tmp/d; docker exec p1 ls /tmp/d',
    'docker cp t/link p1:/root; docker cp t/lfile p1:/root; docker cp t/dangling p1:/root; docker cp t/link/ p1:/root/dir',
    'docker cp -L t/link p1:/root/followed; docker cp -L t/lfile p1:/root/followedfile; docker cp -L t/dangling p1:/root/x 2>&1 | sed "s/.*: no such/no such/"',
    inside('p1', '/root'),
    'docker cp nothing p1:/tmp; docker cp t/file nothing:/tmp; docker cp t/file p1:',
    'docker exec p1 sh -c "ln -s /var/www /tmp/www; ln -s /gone /tmp/gone"; docker cp t/file p1:/tmp/www; docker exec p1 cat /var/www/file; docker cp t/file p1:/tmp/gone; docker exec p1 cat /gone',
    'docker cp t/d/. p1:/tmp/www; docker exec p1 ls /var/www; docker cp t/d p1:/tmp/gone 2>&1 | sed "s/[0-9a-f]\\{64\\}/ID/"',
    'docker cp t/file p1:relative; docker exec p1 cat /relative; docker cp t/file p1:../../up; docker exec p1 cat /up',
    'docker cp t/file p1:/tmp/../tmp/./dots; docker exec p1 cat /tmp/dots',
    'docker cp t/file p1:/etc/hosts 2>&1 | wc -l',
    'docker cp; docker cp t/file; docker cp t/file t/d; docker cp p1:/a p1:/b; docker cp - - </dev/null',
    'rm -r t',
  ],
  'cp from a running container': [
    start('p1'),
    `docker exec p1 sh -c '${fill}'`,
    'mkdir out; docker cp p1:/x/file out; cat out/file; docker cp p1:/x/file out/renamed; cat out/renamed; docker cp p1:/x/file out/none/',
    'docker cp p1:/x/d out; docker cp p1:/x/d out/new; docker cp p1:/x/d/. out/content; docker cp p1:/x/d/ out/slash',
    outside('out'),
    'stat -c %Y out/d/f; rm -r out; mkdir out',
    'docker cp p1:/x/link out; docker cp p1:/x/lfile out; docker cp p1:/x/dangling out; docker cp p1:/x/link/ out/dir; docker cp p1:/x/link/. out/dot',
    'docker cp -L p1:/x/link out/followed; docker cp -L p1:/x/lfile out/followedfile; docker cp -L p1:/x/dangling out/x',
    outside('out'),
    'docker cp p1:/nothing out; docker cp p1:/x/file/ out 2>&1 | wc -l; docker cp nothing:/x out; docker cp p1:/x/file out/followedfile/',
    'docker cp p1:/x/d out/lfile; docker cp p1:x/file out/relative; cat out/relative',
    'docker cp p1:/etc/hostname - | tar -xO | wc -c; docker cp p1:/proc - | tar -t; docker cp p1:/dev - | tar -t | sort',
    'docker cp p1:/x - | tar -tv --numeric-owner | sed -E "s/[0-9]{4}-[0-9-]+ [0-9:]+//"',
    'docker cp p1:/x/d/. - | tar -t; docker cp p1:/ - 2>/dev/null | tar -tP | grep -c ^/x/',
    'docker cp p1:/x/d - | tar -tv | grep -c "link to"',
    'rm -r out',
  ],
  'cp of archives': [
    tree,
    start('p1'),
    'tar -C t -c d | docker cp - p1:/tmp; tar -C t -cz file | docker cp - p1:/tmp; tar -C t -cj file | docker cp - p1:/root; tar -C t -cJ d | docker cp - p1:/root',
    inside('p1', '/tmp'),
    'tar -C t -c file | docker cp - p1:/tmp/file; tar -C t -c file | docker cp - p1:/nothing; tar -C t -c file | docker cp - nothing:/tmp',
    'tar -C t -c --transform s/file/d/ file | docker cp - p1:/tmp; docker exec p1 ls /tmp/d',
    'docker cp - p1:/tmp <empty.tar; echo text | docker cp - p1:/tmp',
    'tar -C t -c --transform "s,file,../../up," -P file | docker cp - p1:/tmp; docker exec p1 ls /up',
    'tar -C t -c --transform "s,file,a/b/c," file | docker cp - p1:/tmp; docker exec p1 stat -c "%a %u" /tmp/a /tmp/a/b /tmp/a/b/c',
    'rm -r t',
  ],
  'cp and ownership': [
    'mkdir t; echo x >t/f; chown 1234:567 t/f; chmod 4750 t/f',
    start('p1'),
    'docker cp t/f p1:/plain; docker cp -a t/f p1:/archive; docker exec p1 stat -c "%n %u:%g %a" /plain /archive',
    start('q1', '--user app'),
    'docker cp t/f q1:/tmp/plain; docker exec q1 stat -c "%u:%g %a" /tmp/plain',
    'docker exec p1 sh -c "echo y >/g; chown 77:88 /g; chmod 640 /g"; docker cp p1:/g t/g; docker cp -a p1:/g t/h; stat -c "%n %u:%g %a" t/g t/h',
    'rm -r t',
  ],
  'cp and containers that do not run': [
    tree,
    'docker create --name p1 busybox sh -c "cat /tmp/file /tmp/d/f" >/dev/null',
    'docker cp t/file p1:/tmp; docker cp t/d p1:/tmp; docker start -a p1',
    'docker cp p1:/tmp/d/f - | tar -xO; docker cp t/file p1:/tmp/again; docker cp p1:/tmp/again - | tar -xO',
    changes('p1'),
    `${start('q1')}; docker pause q1; docker cp t/file q1:/tmp; docker cp q1:/tmp/file - | tar -xO; docker unpause q1`,
    'docker rm p1; docker cp t/file p1:/tmp',
    'rm -r t',
  ],
  'cp and volumes': [
    tree,
    'mkdir bound; docker create --name p1 -v data:/data/deep -v "$PWD/bound:/b" -v data:/ro:ro busybox sh -c "cat /data/deep/file /b/file" >/dev/null',
    'docker cp t/file p1:/data/deep; docker cp t/file p1:/b; docker cp t/file p1:/ro; cat bound/file; docker start -a p1',
    'docker run --rm -v data:/v busybox ls /v; docker cp p1:/ro/file - | tar -xO; docker cp p1:/b - | tar -t; docker cp p1:/data - | tar -t',
    start('q1', '-v data:/data --read-only --tmpfs /tmp'),
    'docker cp t/d q1:/data; docker exec q1 ls /data; docker cp t/file q1:/; docker cp t/file q1:/root; docker cp q1:/data/d - | tar -t',
    'docker exec q1 ln -s /root /data/out; docker cp t/file q1:/data/out',
    'docker rm -f p1 q1; docker volume rm data; rm -r t bound',
  ],
  diff: [
    start('p1'),
    'docker diff p1',
    'docker exec p1 sh -c "mkdir -p /new/deep; touch /new/deep/f; rm /etc/group; echo x >>/etc/passwd; chmod 700 /home; rm -r /var/www; mkdir /var/www; touch /var/www/other; ln -s x /l; touch /a-b; mkdir /a; touch /a/b"',
    changes('p1'),
    'docker exec p1 sh -c "touch /etc/hosts; echo 1 >/etc/resolv.conf; touch /dev/x /dev/shm/y /tmp/z; rm -r /new; mv /home /house"',
    changes('p1'),
    `docker stop -t 0 p1 >/dev/null; ${changes('p1')}`,
    'docker create --name q1 busybox >/dev/null; docker diff q1; docker diff nothing; docker diff',
    'docker run --name r1 -v /data -v /etc/deep/er busybox touch /data/f; docker diff r1 | sort',
  ],
  export: [
    start('p1', '-v data:/data'),
    'docker exec p1 sh -c "echo x >/data/f; mkdir /new; echo y >/new/f; rm /etc/group; mkfifo /new/p"',
    'docker export p1 | tar -t | grep -E "^(new|data|etc|dev|proc|sys|\\.docker)" | sort',
    'docker export p1 | docker import - copy:1 >/dev/null; docker run --rm copy:1 cat /new/f; docker rmi copy:1 >/dev/null',
    'docker stop -t 0 p1 >/dev/null; docker export -o out.tar p1; tar -xOf out.tar new/f; stat -c %a out.tar; rm out.tar',
    'docker export nothing; docker export; docker export -o /nothing/x p1',
    'docker rm p1; docker volume rm data',
  ],
  commit: [
    start('p1', '-e A=1 --label l=1 --expose 80 -v /data'),
    'docker exec p1 sh -c "mkdir /new; echo y >/new/f; rm /etc/group; rm -r /var/www; mkdir /var/www; echo z >/var/www/other; chown 77 /new; echo d >/data/f; ln /new/f /new/h; ln -s f /new/l"',
    `docker commit p1 c:1 | wc -c; docker run --rm c:1 sh -c 'cd / && ls -A data; find new var/www | sort | while read f; do stat -c "%n %F %a %u:%g %h" $f; done; ls /etc/group'`,
    `docker commit -a me -m msg -c 'CMD ["x","y"]' -c 'ENV B=2' -c 'ENTRYPOINT ["e"]' p1 c:2 >/dev/null; ${image('c:2')}`,
    `docker commit -c 'ENTRYPOINT ["e"]' p1 c:3 >/dev/null; ${image('c:3')}`,
    `docker commit -c 'ENTRYPOINT e f' -c 'CMD g h' p1 c:4 >/dev/null; ${image('c:4')}`,
    `docker commit -c 'LABEL a=b c="d e"' -c 'USER app' -c 'WORKDIR /tmp' -c 'EXPOSE 90/udp 91' -c 'VOLUME /v1 /v2' -c 'ONBUILD RUN x' -c 'HEALTHCHECK --interval=5s CMD true' p1 c:5 >/dev/null; ${image('c:5')}`,
    `docker commit -c CMD p1 c:6 >/dev/null; ${image('c:6')}`,
    'docker commit -c "RUN x" p1; docker commit -c "FROM x" p1; docker commit -c "ENV" p1; docker commit -c "nonsense" p1',
    'docker commit p1 BAD; docker commit nothing; docker commit p1 c:bad:tag; docker commit; docker commit p1 "c@sha256:0000000000000000000000000000000000000000000000000000000000000000"',
    'docker history c:2 --no-trunc --format "{{.CreatedBy}} {{.Comment}} {{.Size}}" | sed "s/[0-9.]*B$/SIZE/"',
    'docker inspect c:1 --format "{{len .RootFS.Layers}} {{.Architecture}} {{.Os}}"; docker inspect c:2 --format "{{.Comment}} {{.Author}}"',
    'docker inspect p1 --format "{{.State.Status}}"; docker pause p1; docker commit p1 c:7 | wc -c; docker inspect p1 --format "{{.State.Status}}"; docker unpause p1',
    'docker commit --pause=false p1 c:7 | wc -c; docker commit p1 | wc -c; docker images c --format "{{.Tag}}" | sort',
    'docker save c:1 -o c.tar; docker rmi c:1 >/dev/null; docker load -q -i c.tar; docker run --rm c:1 cat /new/f /var/www/other; rm c.tar',
    'docker run --name q1 c:1 sh -c "rm -r /new; mkdir /new; echo 2 >/new/g; echo r >/etc/group"; docker commit q1 c:8 >/dev/null; docker run --rm c:8 sh -c "ls /new; cat /etc/group"; docker inspect c:8 --format "{{len .RootFS.Layers}}"',
    'docker rmi c:1 2>&1 | sed "s/[0-9a-f]\\{12\\}/ID/g"; docker rm q1 >/dev/null; docker rmi c:8 >/dev/null; docker rmi c:1 | wc -l',
    'docker create --name r1 busybox >/dev/null; docker commit r1 e:1 >/dev/null; docker inspect e:1 --format "{{len .RootFS.Layers}}"; docker history e:1 --format "{{.CreatedBy}} {{.Size}}"; docker rmi e:1 | wc -l',
    'docker rm -f p1 >/dev/null; docker commit p1; docker rmi $(docker images c -q --no-trunc) >/dev/null; docker image prune -f >/dev/null; docker images -aq | wc -l',
  ],
  'commit through the API': [
    start('p1', '-e A=1 --label l=1'),
    'curl -s --unix-socket ${DOCKER_HOST#unix://} -X POST "http://x/v1.41/commit?container=p1&repo=z" | wc -c',
    `curl -s --unix-socket \${DOCKER_HOST#unix://} -X POST -H "Content-Type: application/json" -d '{"Cmd":["b"],"Env":["Z=1"],"Labels":{"q":"w"}}' "http://x/v1.41/commit?container=p1&repo=z&tag=2" | wc -c; ${image('z:2')}`,
    'curl -s --unix-socket ${DOCKER_HOST#unix://} -X POST -H "Content-Type: application/json" -d "{bad" "http://x/v1.41/commit?container=p1" | wc -l; docker rmi z z:2 | grep -c Untagged',
  ],
  'events of files': [
    'date +%s.%N >since; ' + start('p1'),
    'mkdir t; docker cp p1:/etc/group t; docker cp t/group p1:/tmp; docker export p1 >/dev/null; docker diff p1 >/dev/null; docker commit -m why p1 c:1 >/dev/null; docker rmi c:1 >/dev/null',
    'docker events --since $(cat since) --until $(date +%s.%N) --format "{{.Type}} {{.Action}} {{json .Actor.Attributes}}" | grep -vE "^(network|volume)" | sed "s/sha256:[0-9a-f]*/ID/g"',
    'rm -r t since',
  ],
}
