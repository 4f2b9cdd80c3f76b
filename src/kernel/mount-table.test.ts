// Lines of mountinfo.

import { deepEqual, ok } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseEntry, readMountTable } from './mount-table.ts'

describe('the mount table', () => {
  it('has escaped names and optional fields', () => {
    deepEqual(
      parseEntry('36 35 98:0 /a /mnt\\040x\\134 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue'),
      {
        mountPoint: '/mnt x\\',
        fileSystem: 'ext3',
        shared: true,
        slave: true,
        options: 'rw,errors=continue',
      },
    )
  })

  it('has the root of this process', () => ok(readMountTable().some(({ mountPoint }) => mountPoint === '/')))
})
