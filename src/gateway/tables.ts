/**
 * The gateway's own database, gateway.sqlite in the data directory: keys, files, batches and news to be delivered. It is apart from the
 * node's, so that `carpool key` can make and revoke keys while a node runs or none does, and a flood of requests never waits for
 * the node's journal.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { Database } from '../host/store/database.ts'

const migrations: readonly string[] = [
  `
  -- Keys that were given out. A tenant is a name: it has one key in force, and may have had others before.
  CREATE TABLE keys (
    id TEXT PRIMARY KEY,          -- the part of a key that is no secret
    tenant TEXT NOT NULL,
    hash BLOB NOT NULL,           -- SHA-256 of the whole key
    settings TEXT NOT NULL,       -- JSON
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX keys_in_force ON keys (tenant) WHERE revoked_at_ms IS NULL;

  -- Files that tenants uploaded, and those that batches made. Their bytes are files of the disk, called by the id.
  CREATE TABLE files (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    filename TEXT NOT NULL,
    purpose TEXT NOT NULL,
    bytes INTEGER,                -- NULL: a batch still writes it
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER
  ) STRICT;
  CREATE INDEX files_of_tenant ON files (tenant, serial);
  CREATE INDEX files_by_end ON files (expires_at_ms);

  CREATE TABLE batches (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    status TEXT NOT NULL,
    request_hash TEXT NOT NULL,   -- of the request that made it, by which a retry is known
    facts TEXT NOT NULL,          -- JSON
    created_at_ms INTEGER NOT NULL,
    currency TEXT,                -- NULL: it pays nobody
    budget_micros INTEGER NOT NULL, -- while it runs, all that it may cost; then what it did cost
    is_over INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX batches_of_tenant ON batches (tenant, serial);
  CREATE INDEX batches_under_way ON batches (is_over) WHERE is_over = 0;

  -- The jobs of a batch: one for each model in its file.
  CREATE TABLE parts (
    batch TEXT NOT NULL,
    part INTEGER NOT NULL,
    model TEXT NOT NULL,
    job TEXT,                     -- NULL: not submitted yet
    PRIMARY KEY (batch, part)
  ) STRICT, WITHOUT ROWID;

  -- The lines of a batch that has not ended.
  CREATE TABLE lines (
    batch TEXT NOT NULL,
    line INTEGER NOT NULL,        -- from 1, in the input file
    custom_id TEXT NOT NULL,
    part INTEGER,                 -- NULL: it is in no job, since it has a fault
    form TEXT,
    records INTEGER NOT NULL,     -- how many records make its answer
    fault TEXT,                   -- JSON
    PRIMARY KEY (batch, line)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX lines_by_custom_id ON lines (batch, custom_id);

  -- News for webhooks that nobody has taken yet.
  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Files that are gone, for lists that go on after one of them.
  CREATE TABLE gone_files (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    serial INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX gone_files_by_serial ON gone_files (serial);
  `,
  `
  -- Pages that somebody has opened with a key.
  CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,        -- SHA-256 of what the cookie says
    key TEXT NOT NULL,            -- the id of the key
    ends_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_of_key ON sessions (key, ends_at_ms);

  -- A figure for each minute of the last day, for the page's charts.
  CREATE TABLE samples (
    at_ms INTEGER PRIMARY KEY,
    sample TEXT NOT NULL          -- JSON
  ) STRICT;
  `,
  `
  -- How much a tenant has is counted at each upload, without a look at any of its rows.
  CREATE INDEX files_room ON files (tenant, bytes);
  `,
  `
  -- Bytes that the node keeps for the jobs of a batch, which count as its tenant's; and when it was over.
  ALTER TABLE batches ADD COLUMN held_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE batches ADD COLUMN over_at_ms INTEGER;
  UPDATE batches SET over_at_ms = created_at_ms WHERE is_over = 1;
  CREATE INDEX batches_room ON batches (tenant, held_bytes);
  CREATE INDEX batches_by_end ON batches (over_at_ms);

  -- A job of the first lines of a model, so that their answers come while the others wait.
  ALTER TABLE parts ADD COLUMN is_early INTEGER NOT NULL DEFAULT 0;
  -- Of all documents of its model.
  ALTER TABLE parts ADD COLUMN model_bytes INTEGER NOT NULL DEFAULT 0;
  `,
  `
  -- Its records when its lines were checked: reading its documents finds more, or fewer, and its payment stays.
  ALTER TABLE parts ADD COLUMN records INTEGER NOT NULL DEFAULT 0;
  UPDATE parts SET records = (SELECT coalesce(sum(lines.records), 0) FROM lines
    WHERE lines.batch = parts.batch AND lines.part = parts.part AND fault IS NULL);
  `,
  `
  -- A batch pays by the cap that its key had when it was made. Those under way get the cap in force now.
  UPDATE batches SET facts = json_set(facts, '$.wishes.priceCap', json((SELECT settings -> '$.priceCap' FROM keys
    WHERE keys.tenant = batches.tenant AND revoked_at_ms IS NULL)))
  WHERE is_over = 0 AND currency IS NOT NULL AND facts ->> '$.wishes.priceCap' IS NULL
    AND tenant IN (SELECT tenant FROM keys WHERE revoked_at_ms IS NULL);
  `,
  `
  -- Pages of its document that nobody could read, as JSON; NULL: none.
  ALTER TABLE lines ADD COLUMN lost TEXT;
  `,
]

/** Makes the data directory where it is missing. Throws StoreError. */
export function openTables(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const path = join(dataDir, 'gateway.sqlite')
  // SQLite gives the files beside it the same mode.
  closeSync(openSync(path, 'a', 0o600))
  return new Database(path, { migrations })
}
