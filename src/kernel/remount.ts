// Attributes of an attached mount through mount(2), for kernels before 5.12.

import { bind, check } from './ffi.ts'

const { mount, statfs } = bind({
  mount: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'pointer'], return: 'i32' },
  statfs: { arguments: ['pointer', 'pointer'], return: 'i32' },
})

const MS_REMOUNT = 0x20
const MS_BIND = 0x1000
const flags = { readonly: 0x01, nosuid: 0x02, nodev: 0x04, noexec: 0x08 } as const

// struct statfs is 120 bytes on 64-bit machines; f_flags is its eleventh word. Its bits are those of MS_*, up to relatime.
const flagsWord = 10
const attributeBits = 0x1c0fn

/** Adds attributes to the mount at `path`, keeping those it has. Throws KernelError. mount(2), MS_REMOUNT|MS_BIND. */
export function remountBind(path: string, add: { [Name in keyof typeof flags]?: boolean }): void {
  const status = new BigUint64Array(16)
  check('statfs', path, statfs(path, status))
  const present = (status[flagsWord] ?? 0n) & attributeBits
  const names = Object.keys(flags) as (keyof typeof flags)[]
  const added = names.reduce((bits, name) => (add[name] ? bits | flags[name] : bits), MS_REMOUNT | MS_BIND)
  check('mount (remount)', path, mount(null, path, null, present | BigInt(added), null))
}
