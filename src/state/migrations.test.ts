// Databases of earlier versions: what they have is there after the step to this one.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { Database } from './database.ts'
import { migrations } from './migrations.ts'

/** A database as it was after the first `steps` steps, filled by `sql`. */
function former(t: TestContext, steps: number, sql: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'migrations-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'gantry.db')
  using database = new DatabaseSync(path)
  for (const step of migrations.slice(0, steps)) database.exec(step)
  database.exec(`${sql}; PRAGMA user_version=${steps}`)
  return path
}

test('names with a digest of a manifest that is here stand for that manifest', t => {
  const image = `INSERT INTO image (id, config, size, created_at) VALUES ('sha256:i', '{}', 0, 0)`
  const blob = `INSERT INTO image_blob VALUES ('sha256:i', 'sha256:m', 'manifest', 0, 'x', 1)`
  const index = `INSERT INTO image_index VALUES ('sha256:n', 'x', 1)`
  const names = `INSERT INTO image_reference (reference, image_id, index_digest) VALUES
    ('a/b@sha256:m', 'sha256:i', NULL), ('a/b@sha256:n', 'sha256:i', 'sha256:n'),
    ('a/b@sha256:o', 'sha256:i', NULL), ('a/b:1', 'sha256:i', NULL)`
  using database = Database.open(former(t, 2, [image, blob, index, names].join(';')))
  const rows = database.prepare('SELECT reference, manifest FROM image_reference ORDER BY reference').all()
  assert.deepEqual(
    rows.map(({ reference, manifest }) => [reference, manifest]),
    [
      ['a/b:1', null],
      ['a/b@sha256:m', 'sha256:m'],
      ['a/b@sha256:n', null],
      ['a/b@sha256:o', null],
    ],
  )
})
