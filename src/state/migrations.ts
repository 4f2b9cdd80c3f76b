// The schema, as the list of steps that lead to it. A step that has been released is never edited.

export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  -- An unpacked layer. Its directory in the content store is named by its chainID.
  CREATE TABLE layer (
    chain_id TEXT PRIMARY KEY,
    diff_id TEXT NOT NULL,
    parent TEXT REFERENCES layer (chain_id),
    size INTEGER NOT NULL
  ) STRICT;

  -- An image is known by the digest of its config blob.
  CREATE TABLE image (
    id TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    top_layer TEXT REFERENCES layer (chain_id),
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    tagged_at INTEGER
  ) STRICT;

  CREATE TABLE image_reference (
    reference TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES image (id)
  ) STRICT;
  CREATE INDEX image_reference_image ON image_reference (image_id);

  CREATE TABLE container (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    definition TEXT NOT NULL,
    state TEXT NOT NULL
  ) STRICT;
  CREATE INDEX container_image ON container (image_id);

  CREATE TABLE volume (
    name TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    definition TEXT NOT NULL
  ) STRICT;

  CREATE TABLE network (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    definition TEXT NOT NULL
  ) STRICT;
  `,
]
