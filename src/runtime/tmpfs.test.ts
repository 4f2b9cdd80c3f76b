// Options of tmpfs mounts.

import { deepEqual, doesNotThrow, equal, throws } from 'node:assert/strict'
import { describe, it } from 'node:test'
import { tmpfsData, tmpfsOptions } from './tmpfs.ts'

describe('tmpfs options', () => {
  it('are safe unless they say otherwise, the last word counts', () => {
    deepEqual(tmpfsOptions(''), ['noexec', 'nosuid', 'nodev', 'rprivate'])
    deepEqual(tmpfsOptions('exec,rw,mode=700,mode=755,dev'), ['nosuid', 'rprivate', 'exec', 'rw', 'mode=755', 'dev'])
    deepEqual(tmpfsOptions('defaults'), ['noexec', 'nosuid', 'nodev', 'rprivate'])
  })

  it('are refused if tmpfs does not have them', () => {
    throws(() => tmpfsOptions('foo'), { message: 'invalid tmpfs option ["foo"]' })
    throws(() => tmpfsOptions('foo=1'), { message: 'invalid tmpfs option ["foo" "1"]' })
    throws(() => tmpfsOptions('size'), { message: 'invalid tmpfs option ["size"]' })
    doesNotThrow(() => tmpfsOptions('size=1m,uid=1,gid=1,nr_inodes=5,mpol=default'))
  })

  it('of a mount become text', () => {
    equal(tmpfsData({ SizeBytes: 3 * 2 ** 20, Mode: 0o1770, Options: [['exec']] }, true), 'ro,mode=1770,size=3m,exec')
    equal(tmpfsData({ SizeBytes: 2 ** 31 }, false), 'size=2g')
    equal(tmpfsData({ SizeBytes: 1001 }, false), 'size=1001')
    equal(tmpfsData(null, false), '')
  })
})
