// Makes the busybox test image: make-busybox.ts BASE writes BASE.rootfs.tar and BASE.tar.

import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { tar, writeArchive } from './archive.ts'
import { output } from './command.ts'
import { temporaryDirectory } from './temporary.ts'

const files = {
  'etc/passwd':
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  'etc/group': 'root:x:0:\nwheel:x:10:root,app\naudio:x:29:app\napp:x:1000:\nnogroup:x:65534:\n',
  'var/www/index.html': 'It works\n',
}

async function makeBusybox(base: string): Promise<void> {
  await using temporary = temporaryDirectory('busybox')
  await fill(temporary.path)
  await tar(temporary.path, `${base}.rootfs.tar`)
  const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
  const config = { Env: environment, Cmd: ['sh'], Labels: { 'org.example.kind': 'test' } }
  await writeArchive(`${base}.tar`, { reference: 'busybox:latest', layer: `${base}.rootfs.tar`, config })
}

async function fill(root: string): Promise<void> {
  for (const folder of ['bin', 'dev', 'etc', 'home/app', 'proc', 'root', 'sys', 'tmp', 'var/www'])
    mkdirSync(join(root, folder), { recursive: true })
  chmodSync(join(root, 'tmp'), 0o1777)
  chownSync(join(root, 'home/app'), 1000, 1000)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text)
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  const applets = (await output(['/bin/busybox', '--list'])).trim().split('\n')
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet))
}

const [, , base = ''] = process.argv
if (!existsSync(`${base}.tar`)) await makeBusybox(base)
