// Which ids `userns-remap` stands for, and what it refuses.

import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { sharedRange } from './id-allocation.ts'
import { type IdFiles, remapOf } from './remap.ts'

const files: IdFiles = {
  passwd: 'root:x:0:0::/root:/bin/sh\nmapped:x:1200:1300::/:/bin/false\nbare:x:1201:1301::/:/bin/false\n',
  group: 'root:x:0:\nmapped:x:1300:\nother:x:1400:\nbare:x:1301:\n',
  subuid: 'someone:900000:65536\nmapped:300000:1000\n1200:200000:500\n',
  subgid: 'mapped:400000:65536\nmapped:wrong:5\n',
}

describe('userns-remap', () => {
  const ids = {
    uids: [
      { container: 0, host: 200000, size: 500 },
      { container: 500, host: 300000, size: 1000 },
    ],
    gids: [{ container: 0, host: 400000, size: 65536 }],
  }

  it('takes the subordinate ids of a user, the lowest first', () => {
    for (const value of ['mapped', '1200', 'mapped:mapped', '1200:1300', 'mapped:other']) {
      deepEqual(remapOf(value, files), ids, value)
    }
  })

  it('is off for root and if it is empty', () => {
    for (const value of ['', 'root', '0', 'root:root', '0:0']) equal(remapOf(value, files), undefined)
  })

  it('is dockremap by default, or ids that nobody has', () => {
    deepEqual(remapOf('default', files), sharedRange)
    const passwd = `${files.passwd}dockremap:x:1202:1302::/:/bin/false\n`
    const known = { ...files, passwd, group: `${files.group}dockremap:x:1302:\n` }
    throws(() => remapOf('default', known), /no subuid ranges found for user "dockremap"/)
    const line = 'dockremap:500000:65536\n'
    const mapped = { container: 0, host: 500000, size: 65536 }
    deepEqual(remapOf('default', { ...known, subuid: line, subgid: line }), { uids: [mapped], gids: [mapped] })
  })

  it('refuses whoever is not there or has no ids', () => {
    for (const value of [':', 'mapped:', ':mapped', 'a:b:c']) {
      throws(() => remapOf(value, files), { kind: 'invalid', message: /Invalid user\/group specification/ })
    }
    throws(() => remapOf('nobody', files), /Error during uid lookup for "nobody"/)
    throws(() => remapOf('4711', files), /Uid 4711 has no entry in \/etc\/passwd/)
    throws(() => remapOf('mapped:nobody', files), /Error during gid lookup for "nobody"/)
    throws(() => remapOf('bare', files), /no subuid ranges found for user "bare"/)
  })
})
