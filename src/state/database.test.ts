// Transactions, and a disk without room for them.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Database } from './database.ts'

/** A small file system with a database on it, and a way to fill it. */
function smallPlace() {
  const path = mkdtempSync(join(tmpdir(), 'gantry-database-'))
  const disk = join(path, 'disk')
  mkdirSync(disk)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk])
  return {
    file: join(disk, 'gantry.db'),
    fill() {
      const ballast = openSync(join(disk, 'ballast'), 'a')
      assert.throws(() => {
        for (;;) writeSync(ballast, Buffer.alloc(4096))
      }, /ENOSPC/)
      closeSync(ballast)
    },
    empty: () => rmSync(join(disk, 'ballast')),
    [Symbol.dispose]() {
      execFileSync('umount', ['--lazy', disk])
      rmSync(path, { recursive: true })
    },
  }
}

const insert = (database: Database, index: number) =>
  database
    .prepare('INSERT INTO volume (name, created_at, definition) VALUES (?, 0, ?)')
    .run(`v${index}`, 'x'.repeat(2000))

const count = (database: Database) => Number(database.prepare('SELECT count(*) AS n FROM volume').get()?.['n'])

test('all of a transaction is kept or none', () => {
  using database = Database.open(':memory:')
  assert.throws(
    () =>
      database.transaction(() => {
        insert(database, 1)
        database.transaction(() => insert(database, 2))
        throw new Error('changed my mind')
      }),
    /changed my mind/,
  )
  assert.equal(count(database), 0)
})

test('on a full disk what was kept can be read, changed and removed, again and again', () => {
  using place = smallPlace()
  const many = 120
  {
    using database = Database.open(place.file)
    for (let index = 0; index < many; index++) database.transaction(() => insert(database, index))
    place.fill()
    assert.throws(() => {
      for (let index = many; ; index++) database.transaction(() => insert(database, index))
    }, /^GantryError: The state database failed: no space left on device$/)
    const kept = count(database)
    assert.ok(kept >= many)
    for (let index = 0; index < 50; index++) {
      place.fill()
      const change = database.prepare('UPDATE volume SET created_at = 1 WHERE name = ?')
      database.releasing(() => change.run(`v${index + 50}`))
      database.releasing(() => database.prepare('DELETE FROM volume WHERE name = ?').run(`v${index}`))
    }
    assert.equal(count(database), kept - 50)
  }
  place.fill()
  using again = Database.open(place.file)
  again.releasing(() => again.prepare('DELETE FROM volume').run())
  assert.equal(count(again), 0)
  place.empty()
  again.transaction(() => insert(again, 0))
  assert.equal(again.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok')
  assert.ok(!existsSync(`${place.file}-journal`))
})
