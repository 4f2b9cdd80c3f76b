// Volumes that are mounts of something else: `--opt type=… --opt device=… --opt o=…` of the local driver.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { FileSystem } from '../kernel/filesystem.ts'
import { type MountAttributes, attachMount, bindMount, setMountAttributes, unmount } from '../kernel/mount.ts'
import { readMountTable } from '../kernel/mount-table.ts'
import { messageOf, system } from '../lib/errors.ts'

/** The three options, of which `type` and `device` are always there. */
export type BackingOptions = Readonly<Record<string, string>>

/** True if something is mounted at `path`. */
export const isMounted = (path: string): boolean => readMountTable().some(entry => entry.mountPoint === path)

/** Mounts what `options` say at `path`. Throws with the kernel's explanation, without passwords. */
export async function mountBacking(options: BackingOptions, path: string): Promise<void> {
  const { type = '', device = '', o = '' } = options
  try {
    const parsed = parseOptions(await resolveAddress(type, o))
    if (parsed.bind) mountBind(device, path, parsed)
    else mountFileSystem(type, device, path, parsed)
  } catch (error) {
    const message = messageOf(error).replaceAll(/password=[^,\s]*/g, 'password=********')
    throw system(`failed to mount local volume: mount ${device}:${path}: ${message}`, { cause: error })
  }
}

/** Unmounts it again, if it is mounted. */
export function unmountBacking(path: string) {
  if (isMounted(path)) unmount(path, { detach: true })
}

/** Mount options, sorted by who understands them: the mount, or the file system. */
interface ParsedOptions {
  bind: boolean
  recursive: boolean
  attributes: MountAttributes
  settings: [name: string, value: string | undefined][]
}

const attributesByOption: Record<string, MountAttributes> = {
  ro: { readonly: true },
  rw: { readonly: false },
  nosuid: { nosuid: true },
  suid: { nosuid: false },
  nodev: { nodev: true },
  dev: { nodev: false },
  noexec: { noexec: true },
  exec: { noexec: false },
}

const isBind = (option: string) => option === 'bind' || option === 'rbind'

/** Parses the comma-separated options of mount(8). */
export function parseOptions(text: string): ParsedOptions {
  const given = text.split(',').filter(option => option !== '' && option !== 'defaults')
  return {
    bind: given.some(isBind),
    recursive: given.includes('rbind'),
    attributes: Object.assign({}, ...given.map(option => attributesByOption[option] ?? {})) as MountAttributes,
    settings: given
      .filter(option => !isBind(option) && !(option in attributesByOption))
      .map(option => {
        const at = option.indexOf('=')
        return at < 0 ? [option, undefined] : [option.slice(0, at), option.slice(at + 1)]
      }),
  }
}

function mountBind(device: string, path: string, { recursive, attributes }: ParsedOptions) {
  bindMount(device, path, { recursive, readonly: attributes.readonly ?? false })
}

function mountFileSystem(type: string, device: string, path: string, { attributes, settings }: ParsedOptions) {
  using fileSystem = new FileSystem(type)
  fileSystem.set('source', device)
  for (const [name, value] of settings) fileSystem.set(name, value)
  if (attributes.readonly) fileSystem.set('ro')
  using mount = fileSystem.mount()
  if (Object.keys(attributes).length > 0) setMountAttributes(mount, attributes)
  attachMount(mount, path)
}

/** Network file systems take addresses, not names. */
async function resolveAddress(type: string, options: string): Promise<string> {
  const name = /(?:^|,)addr=([^,]+)/.exec(options)?.[1]
  if (!name || isIP(name) || !['nfs', 'nfs4', 'cifs'].includes(type)) return options
  const { address } = await lookup(name)
  return options.replace(`addr=${name}`, `addr=${address}`)
}
