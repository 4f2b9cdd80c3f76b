// Makes the Debian test image: make-debian.ts BASE writes BASE.rootfs.tar and BASE.tar.

import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { writeArchive } from './archive.ts'
import { output } from './command.ts'

const packages = ['nginx-light', 'redis-server', 'python3-minimal', 'libpython3-stdlib']
const unused = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*']

async function makeDebian(base: string): Promise<void> {
  const { suite, components } = distribution()
  await output(
    [
      'mmdebstrap',
      '--variant=minbase',
      `--components=${components}`,
      `--include=${packages.join(',')}`,
      '--aptopt=Apt::Install-Recommends "false"',
      ...unused.map(path => `--dpkgopt=path-exclude=${path}`),
      suite,
      `${base}.rootfs.tar`,
      ...mirror(suite),
    ],
    { timeout: 600_000 },
  )
  const environment = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']
  const config = { Env: environment, Cmd: ['bash'] }
  await writeArchive(`${base}.tar`, { reference: 'debian:latest', layer: `${base}.rootfs.tar`, config })
}

/** The host's own release if it is a Debian or Ubuntu, so that its package sources and keys are known to work. */
function distribution(): { suite: string; components: string } {
  const release = readFileSync('/etc/os-release', 'utf8')
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)`, 'm').exec(release)?.[1]
  const suite = field('VERSION_CODENAME')
  if (suite && field('ID') === 'ubuntu') return { suite, components: 'main,universe' }
  return { suite: (field('ID') === 'debian' && suite) || 'bookworm', components: 'main' }
}

/** The address the host gets that release from; empty to leave the choice to mmdebstrap. */
function mirror(suite: string): string[] {
  const sources = ['/etc/apt/sources.list', ...list('/etc/apt/sources.list.d')].map(read).join('\n\n')
  const line = new RegExp(`^deb\\s+(?:\\[[^\\]]*\\]\\s+)?(\\S+)\\s+${suite}\\s`, 'm').exec(sources)
  const paragraph = sources.split(/\n\s*\n/).find(text => new RegExp(`^Suites:.*\\b${suite}(\\s|$)`, 'm').test(text))
  const address = line?.[1] ?? /^URIs:\s*(\S+)/m.exec(paragraph ?? '')?.[1]
  return address ? [address] : []
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map(name => join(folder, name)) : []
}

function read(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

const [, , base = ''] = process.argv
if (!existsSync(`${base}.tar`)) await makeDebian(base)
