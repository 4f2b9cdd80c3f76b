// Users and groups looked up in trees that lie.

import { deepEqual, equal, throws } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openPath } from '../kernel/descriptor.ts'
import { resolveUser } from './user.ts'

const passwd = `root:x:0:0:root:/root:/bin/sh

web:x:33:33::/var/www:/bin/sh
broken
half:x:7
odd:x:abc:5::/:
big:x:4294967296:0::/:
1000:x:5:5::/five:
`
const group = 'root:x:0:\nstaff:x:50:web,other\nweb:x:33:\nwheel:x:10:web\nbig:x:4294967296:\n'

/** A tree with the two files, or with what `make` does to its etc instead. */
function tree(make?: (etc: string) => void) {
  const path = mkdtempSync(join(tmpdir(), 'gantry-user-'))
  mkdirSync(join(path, 'etc'))
  if (make) make(join(path, 'etc'))
  else {
    writeFileSync(join(path, 'etc/passwd'), passwd)
    writeFileSync(join(path, 'etc/group'), group)
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) }
}

function resolve(user: string, groupAdd: string[] = [], make?: (etc: string) => void) {
  using made = tree(make)
  using root = openPath(made.path)
  return resolveUser(root, user, groupAdd)
}

const shown = (user: string, groupAdd?: string[]) => {
  const { uid, gid, additionalGids, home } = resolve(user, groupAdd)
  return `${uid}:${gid} ${additionalGids.join(',')} ${home}`
}

describe('a user', () => {
  const cases: [user: string, groupAdd: string[], result: string][] = [
    ['', [], '0:0 0 /root'],
    ['root', [], '0:0 0 /root'],
    ['web', [], '33:33 33,50,10 /var/www'],
    ['33', [], '33:33 33,50,10 /var/www'],
    ['web:staff', [], '33:50 50 /var/www'],
    ['web:7', [], '33:7 7 /var/www'],
    [':staff', [], '0:50 50 /root'],
    ['4711', [], '4711:0 0 /'],
    ['4711:4712', [], '4711:4712 4712 /'],
    ['2147483647', [], '2147483647:0 0 /'],
    ['1000', [], '1000:0 0 /'],
    ['web', ['staff', '99', 'root', '99'], '33:33 33,50,10,99,0 /var/www'],
  ]
  for (const [user, groupAdd, result] of cases) {
    it(`is ${result} for ${JSON.stringify(user)}${groupAdd.length > 0 ? ` with ${groupAdd.join()}` : ''}`, () =>
      equal(shown(user, groupAdd), result))
  }

  const range = /^GantryError: uids and gids must be in range 0-2147483647$/
  for (const user of ['2147483648', '4294967296', '4294967295', '-1', '9'.repeat(40), '0:-1', '0:2147483648', 'big']) {
    it(`is refused as ${user}`, () => throws(() => resolve(user), range))
  }
  it('is refused with a group out of range', () => {
    throws(() => resolve('0', ['-1']), range)
    throws(() => resolve('0', ['big']), range)
    throws(() => resolve('0:big'), range)
  })

  it('is refused if the files do not have it', () => {
    for (const user of ['nosuch', 'broken', 'half', 'odd', '0x10', '1e3', ' 1', '٣']) {
      throws(
        () => resolve(user),
        new RegExp(`^GantryError: unable to find user ${user}: no matching entries in passwd`),
      )
    }
    throws(() => resolve('web:nosuch'), /^GantryError: unable to find group nosuch: no matching entries in group file/)
    throws(() => resolve('web', ['nosuch']), /^GantryError: Unable to find group nosuch: no matching entries/)
  })
})

const fifo = (etc: string) => execFileSync('mkfifo', [join(etc, 'passwd'), join(etc, 'group')])

const device = (etc: string) => execFileSync('mknod', [join(etc, 'passwd'), 'c', '1', '5'])

const huge = (etc: string) => {
  writeFileSync(join(etc, 'passwd'), passwd)
  truncateSync(join(etc, 'passwd'), 100 * 2 ** 30)
}

describe('a tree without proper files', () => {
  const noUser = /unable to find user web/

  it('still has numeric users', () => {
    deepEqual(
      resolve('5:6', ['7'], () => {}),
      { uid: 5, gid: 6, additionalGids: [6, 7], home: '/' },
    )
    throws(() => resolve('web', [], () => {}), noUser)
  })

  it('is not waited for or read without end', () => {
    equal(resolve('5', [], fifo).uid, 5)
    throws(() => resolve('web', [], fifo), noUser)
    throws(() => resolve('web', [], device), noUser)
    throws(() => resolve('web', [], huge), /\/etc\/passwd in the container is too large/)
  })

  it('cannot name files of the host', () => {
    const host = mkdtempSync(join(tmpdir(), 'gantry-host-'))
    writeFileSync(join(host, 'passwd'), 'web:x:0:0::/:\n')
    try {
      for (const target of [join(host, 'passwd'), `../../../../../../..${host}/passwd`, '/proc/self/root/etc/passwd']) {
        throws(() => resolve('web', [], etc => symlinkSync(target, join(etc, 'passwd'))), noUser)
      }
      throws(() => resolve('web', [], etc => symlinkSync('passwd', join(etc, 'passwd'))), noUser)
    } finally {
      rmSync(host, { recursive: true })
    }
  })
})
