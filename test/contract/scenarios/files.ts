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
}
