// A program that exchanges the entries `d`, a directory, and `l`, a link, as fast as it can, until it is killed.

import { constants } from 'node:fs'

import { openPath } from '../../src/kernel/descriptor.ts'
import { hasCode } from '../../src/kernel/ffi.ts'
import { readlinkAt, renameAt, symlinkAt } from '../../src/kernel/files.ts'
import { removeTree } from '../../src/kernel/remove-tree.ts'

const [path = '', target = ''] = process.argv.slice(2)
using directory = openPath(path, constants.O_RDONLY | constants.O_DIRECTORY)

const isLink = (name: string): boolean => {
  try {
    readlinkAt(directory, name)
    return true
  } catch {
    return false
  }
}

// What it races against may have put something in the link's place.
function restore(): void {
  if (isLink('d') || isLink('l')) return
  removeTree(directory, 'l')
  symlinkAt(target, directory, 'l')
}

process.stdout.write('swapping\n')
for (let round = 0; ; round++) {
  try {
    if (round % 50 === 0) restore()
    renameAt(directory, 'd', directory, 'l', { exchange: true })
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'ELOOP')) throw error
  }
}
