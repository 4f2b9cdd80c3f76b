// Virtual machines with Debian 13's kernel, for what the host's kernel lacks. Without KVM: a minute until they run.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { Command, output } from './command.ts'

const checkout = resolve(import.meta.dirname, '../..')
const folder = join(checkout, 'build/test-images')

/** True in a virtual machine, where everything takes many times as long. */
export const inVm = process.env.GANTRY_VM === '1'

/** Why there can be no virtual machine; undefined if there can. */
export const noVm: string | undefined = process.arch === 'x64' ? undefined : `no virtual machine for ${process.arch}`

/** Runs a command of the shell in the checkout, in a new machine. Rejects with all it printed if it fails, or takes too long. */
export async function runInVm(command: string, { timeout = 900_000 } = {}): Promise<string> {
  const files = await made()
  await using machine = new Command([
    'qemu-system-x86_64',
    ...'-accel tcg,thread=multi -cpu max -smp 2 -m 3072 -nographic -no-reboot -nic none'.split(' '),
    '-kernel',
    `${join(files, 'vmlinuz')}`,
    '-initrd',
    `${join(files, 'initrd.img')}`,
    '-drive',
    `file=${join(files, 'disk')},if=virtio,format=raw,snapshot=on`,
    '-virtfs',
    `local,path=${checkout},mount_tag=checkout,security_model=none,readonly=on`,
    '-append',
    `console=ttyS0 quiet panic=-1 root=/dev/vda rw init=/test-init -- ${Buffer.from(command).toString('base64')}`,
  ])
  machine.end()
  const { stdout, stderr } = await machine.finish(timeout).catch(() => machine)
  if (/^exit status: 0\r?$/m.test(stdout)) return stdout
  throw new Error(`${command} in a virtual machine:\n${stdout}\n${stderr}`)
}

/** The directory with the kernel and the disk; a minute or two to make, once. */
async function made(): Promise<string> {
  const maker = join(import.meta.dirname, 'make-vm.ts')
  const recipe = createHash('sha256').update(readFileSync(maker)).digest('hex').slice(0, 8)
  const files = join(folder, `vm-${recipe}`)
  if (existsSync(files)) return files
  mkdirSync(folder, { recursive: true })
  await output(['flock', join(folder, 'vm.lock'), process.execPath, maker, files], { timeout: 1_000_000 })
  return files
}
