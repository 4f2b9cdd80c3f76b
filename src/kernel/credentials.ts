// Whom the kernel takes this thread for when it makes files. The thread is itself again before anything else can run on it.

import { bind, check } from './ffi.ts'

const { setfsuid, setfsgid, capget, capset } = bind({
  setfsuid: { arguments: ['u32'], return: 'i32' },
  setfsgid: { arguments: ['u32'], return: 'i32' },
  capget: { arguments: ['pointer', 'pointer'], return: 'i32' },
  capset: { arguments: ['pointer', 'pointer'], return: 'i32' },
})

const capabilityVersion3 = 0x20080522

// struct __user_cap_header_struct; pid 0 is the calling thread.
const header = (): Uint32Array => new Uint32Array([capabilityVersion3, 0])

/**
 * Runs `body`, which must be synchronous, as the owner `uid` and `gid` of the files it makes, with the capabilities the
 * thread has. setfsuid(2), which takes some of them away from who is not root.
 */
export function asFileOwner<T>({ uid, gid }: { uid: number; gid: number }, body: () => T): T {
  const capabilities = new Uint32Array(6)
  check('capget', 'this thread', capget(header(), capabilities))
  setfsgid(gid)
  setfsuid(uid)
  try {
    check('capset', 'this thread', capset(header(), capabilities))
    return body()
  } finally {
    setfsuid(0)
    setfsgid(0)
  }
}
