// The files that scenarios find in their directory, good and bad.

import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { output } from '../kit/command.ts'
import type { TestImage } from '../kit/images.ts'

const texts = {
  'env.list': '# comment\nA=from file\nFILE=1\nUNSET\n',
  'labels.list': 'from=file\n',
  'text.tar': 'this is no archive\n',
  'empty.tar': '',
  'bad.json': '{ bad',
  'seccomp.json': JSON.stringify({
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
  }),
}

/** Fills `directory`; `image` is busybox. */
export async function writeFixtures(directory: string, image: TestImage): Promise<void> {
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, name), text)
  copyFileSync(image.archive, join(directory, 'busybox.tar'))
  copyFileSync(image.rootfs, join(directory, 'rootfs.tar'))
  copyFileSync(image.archive, join(directory, 'truncated.tar'))
  truncateSync(join(directory, 'truncated.tar'), 500_000)
  for (const [program, ending] of [
    ['gzip', 'gz'],
    ['bzip2', 'bz2'],
    ['xz', 'xz'],
  ] as const)
    await output(['sh', '-c', `${program} -1 < busybox.tar > busybox.tar.${ending}`], { cwd: directory })
  await badArchives(directory)
  await foreignImages(directory, image)
}

/** Images of busybox that say they are for other platforms. */
async function foreignImages(directory: string, { rootfs: path }: TestImage): Promise<void> {
  const layer = readFileSync(path)
  const rootfs = { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] }
  for (const [name, platform] of Object.entries({
    arm64: { architecture: 'arm64', os: 'linux' },
    arm: { architecture: 'arm', os: 'linux', variant: 'v7' },
    i386: { architecture: '386', os: 'linux' },
  })) {
    const config = JSON.stringify({ ...platform, config: { Cmd: ['echo', name] }, rootfs })
    await pack(directory, name, { 'c.json': config, 'l.tar': layer }, ['l.tar'], `${name}:1`)
  }
}

/** Archives whose manifest says what does not hold. */
async function badArchives(directory: string): Promise<void> {
  const rootfs = { type: 'layers', diff_ids: [`sha256:${'0'.repeat(64)}`] }
  const good = JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs })
  await pack(directory, 'bad-config', { 'c.json': '{ bad', 'l.tar': '' }, ['l.tar'])
  await pack(directory, 'missing-layer', { 'c.json': good }, ['l.tar'])
  await pack(directory, 'wrong-layer', { 'c.json': good, 'l.tar': '\0'.repeat(1024) }, ['l.tar'])
  await pack(directory, 'escape', { 'c.json': good }, ['../../../../etc/passwd'])
}

async function pack(
  directory: string,
  name: string,
  files: Record<string, string | Buffer>,
  Layers: string[],
  tag = 'bad:1',
): Promise<void> {
  const folder = join(directory, name)
  mkdirSync(folder)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text)
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify([{ Config: 'c.json', RepoTags: [tag], Layers }]))
  await output(['tar', '-C', folder, '-cf', `${folder}.tar`, '.'])
}
