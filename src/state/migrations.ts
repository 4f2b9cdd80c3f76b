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
  CREATE INDEX layer_parent ON layer (parent);

  -- An image is known by the digest of its config blob, whose text is config. Times are nanoseconds since the epoch.
  CREATE TABLE image (
    id TEXT PRIMARY KEY,
    config TEXT NOT NULL,
    top_layer TEXT REFERENCES layer (chain_id),
    parent TEXT,
    size INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    tagged_at INTEGER
  ) STRICT;
  CREATE INDEX image_top_layer ON image (top_layer);
  CREATE INDEX image_parent ON image (parent);

  -- The blobs an image is made of: its config, its manifests, and its layers as they came. position orders layers.
  CREATE TABLE image_blob (
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('config', 'manifest', 'layer')),
    position INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (image_id, kind, position, digest)
  ) STRICT;
  CREATE INDEX image_blob_digest ON image_blob (digest);

  -- A name, normalized, with a tag or a digest.
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
  `
  -- An index that names were given with: an image for each platform, and what is said about them.
  CREATE TABLE image_index (
    digest TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL
  ) STRICT;

  -- The images of an index that are here, each by its manifest.
  CREATE TABLE image_index_image (
    index_digest TEXT NOT NULL REFERENCES image_index (digest) ON DELETE CASCADE,
    manifest TEXT NOT NULL,
    image_id TEXT NOT NULL REFERENCES image (id) ON DELETE CASCADE,
    PRIMARY KEY (index_digest, manifest)
  ) STRICT;
  CREATE INDEX image_index_image_id ON image_index_image (image_id);

  -- What else of an index is here: indexes within it, attestations with their layers.
  CREATE TABLE image_index_blob (
    index_digest TEXT NOT NULL REFERENCES image_index (digest) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (index_digest, digest)
  ) STRICT;
  CREATE INDEX image_index_blob_digest ON image_index_blob (digest);

  ALTER TABLE image_reference ADD COLUMN index_digest TEXT REFERENCES image_index (digest);
  CREATE INDEX image_reference_index ON image_reference (index_digest);

  -- When a container was last made of the image or started, or the image pulled or loaded; nanoseconds since the epoch.
  ALTER TABLE image ADD COLUMN used_at INTEGER;
  `,
  `
  -- Which manifest of its image a name was given with; null if it stands for an index, or there was none.
  ALTER TABLE image_reference ADD COLUMN manifest TEXT;
  UPDATE image_reference SET manifest = substr(reference, instr(reference, '@') + 1)
  WHERE index_digest IS NULL AND EXISTS (
    SELECT 1 FROM image_blob
    WHERE image_blob.image_id = image_reference.image_id AND kind = 'manifest'
    AND digest = substr(reference, instr(reference, '@') + 1)
  );
  `,
  `
  -- A manifest that refers to another one, or to an index: a signature, a bill of materials.
  CREATE TABLE referrer (
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (subject, digest)
  ) STRICT;

  -- The blobs that are here because of it: itself, its config, its layers.
  CREATE TABLE referrer_blob (
    subject TEXT NOT NULL,
    referrer TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (subject, referrer, digest),
    FOREIGN KEY (subject, referrer) REFERENCES referrer (subject, digest) ON DELETE CASCADE
  ) STRICT;
  CREATE INDEX referrer_blob_digest ON referrer_blob (digest);
  `,
]
