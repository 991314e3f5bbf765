/** The tables of carpool.sqlite, one script a version. A script that was released is never edited, only followed. */
import {
  controlSums,
  earlierIncoming,
  heardByCurrency,
  incomingByPayer,
  payments,
} from './schema-payments.ts'

export const migrations: readonly string[] = [
  `
  -- What somebody signed, in the order in which this node came to know it.
  CREATE TABLE records (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,        -- '' for what concerns no job
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    signature BLOB NOT NULL,
    extra BLOB                -- travels with the record, unsigned: a receipt's opening
  ) STRICT;
  CREATE INDEX records_of_job ON records (job, serial);

  -- This node's part in a job: small, local, rewritten at will.
  CREATE TABLE jobs (
    job TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,      -- JSON
    created_at_ms INTEGER NOT NULL,
    ended_at_ms INTEGER,
    PRIMARY KEY (job, role)
  ) STRICT, WITHOUT ROWID;

  -- Numbers below 'reserved' may have been used.
  CREATE TABLE counters (name TEXT PRIMARY KEY, reserved INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- Blocks that are here. The body of a large one is a file.
  CREATE TABLE blocks (cid TEXT PRIMARY KEY, bytes INTEGER NOT NULL, body BLOB) STRICT;

  -- Why a block is kept; job '' where no job is involved. Survives the block while a damaged one is fetched again.
  CREATE TABLE block_uses (
    cid TEXT NOT NULL,
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (cid, job, kind)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX block_uses_of_job ON block_uses (job, cid);

  -- When a block was last read, for choosing what the cache forgets.
  CREATE TABLE block_reads (cid TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- What a vehicle finished of its leases, noted in the commit that keeps the result.
  CREATE TABLE finished (
    job TEXT NOT NULL,
    lease TEXT NOT NULL,
    place INTEGER NOT NULL,   -- in the lease's list of shards
    result TEXT NOT NULL,
    cpu_ms REAL NOT NULL,
    wall_ms REAL NOT NULL,
    PRIMARY KEY (job, lease, place)
  ) STRICT, WITHOUT ROWID;

  -- Leases of which a vehicle will do nothing more, and why it gave back the rest; null when there was no rest.
  CREATE TABLE over_leases (
    job TEXT NOT NULL,
    lease TEXT NOT NULL,
    released TEXT,
    PRIMARY KEY (job, lease)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Owners who lied, and the proof.
  CREATE TABLE bans (
    owner TEXT PRIMARY KEY,
    peer TEXT NOT NULL,
    because TEXT NOT NULL,
    evidence BLOB NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- On a registrar: who asked to join the fleet, and what the operator said.
  CREATE TABLE fleet_members (
    peer TEXT PRIMARY KEY,
    vehicle TEXT NOT NULL,
    owner TEXT,               -- NULL: admitted beforehand, and says itself whose it is
    state TEXT NOT NULL,
    since_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX fleet_members_by_state ON fleet_members (state);

  -- The last credential that each vehicle of the fleet showed here: reports prove with it whose vehicle it is.
  CREATE TABLE credentials (
    peer TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    signature BLOB NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- What the ledger's entries name again and again: accounts, jobs, vehicles, owners, currencies.
  CREATE TABLE ledger_names (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;

  -- The ledger (src/protocol/ledger): who owes whom. It outlives the jobs that it is about.
  CREATE TABLE ledger_entries (
    serial INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,      -- a receipt, or a payment's name
    place INTEGER,            -- in the receipt's lease; NULL for payments
    generation INTEGER NOT NULL,
    currency INTEGER NOT NULL REFERENCES ledger_names,
    debit INTEGER NOT NULL REFERENCES ledger_names,
    credit INTEGER NOT NULL REFERENCES ledger_names,
    micros INTEGER NOT NULL,
    share INTEGER REFERENCES ledger_names,     -- the operator's account, where it has a part in it
    share_micros INTEGER,
    job INTEGER REFERENCES ledger_names,       -- NULL for payments, down to units
    position INTEGER,
    vehicle INTEGER REFERENCES ledger_names,
    owner INTEGER REFERENCES ledger_names,
    units INTEGER,
    memo TEXT NOT NULL,
    hash BLOB NOT NULL
  ) STRICT;
  CREATE INDEX ledger_entries_about ON ledger_entries (about, place, serial);
  CREATE INDEX ledger_entries_of_work ON ledger_entries (job, vehicle, serial) WHERE job IS NOT NULL;
  CREATE TRIGGER ledger_entries_never_change BEFORE UPDATE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'entries of the ledger never change'); END;
  CREATE TRIGGER ledger_entries_stay BEFORE DELETE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, 'entries of the ledger stay'); END;

  -- Follows from the entries, and saves adding them up.
  CREATE TABLE ledger_balances (
    currency INTEGER NOT NULL REFERENCES ledger_names,
    account INTEGER NOT NULL REFERENCES ledger_names,
    pending INTEGER NOT NULL,
    posted INTEGER NOT NULL,
    PRIMARY KEY (currency, account)
  ) STRICT, WITHOUT ROWID;

  -- Jobs for which this node's vehicle works for money.
  CREATE TABLE ledger_jobs (
    job TEXT PRIMARY KEY,
    submitter TEXT NOT NULL,
    fleet TEXT,
    currency TEXT NOT NULL,
    stewards TEXT NOT NULL,   -- JSON
    since_ms INTEGER NOT NULL,
    settled_at_ms INTEGER     -- nothing more is to be learnt of it
  ) STRICT, WITHOUT ROWID;

  -- What a vehicle's money rests on, signed: manifest, handovers, leases and receipts of those jobs.
  CREATE TABLE ledger_records (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    job TEXT NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL,
    signature BLOB NOT NULL,
    extra BLOB
  ) STRICT;
  CREATE INDEX ledger_records_of_job ON ledger_records (job, serial);

  -- The newest of each steward on each vehicle's work for each job; they are cumulative.
  CREATE TABLE ledger_statements (
    job TEXT NOT NULL,
    steward TEXT NOT NULL,
    vehicle TEXT NOT NULL,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    body BLOB NOT NULL,
    signature BLOB NOT NULL,
    agreed INTEGER,           -- whether the vehicle's own receipts come to the same; NULL: not heard yet
    PRIMARY KEY (job, steward, vehicle, owner)
  ) STRICT, WITHOUT ROWID;

  -- Pay-outs that were made ready, and whether the money left.
  CREATE TABLE ledger_payouts (
    name TEXT PRIMARY KEY,
    created_at_ms INTEGER NOT NULL,
    lines TEXT NOT NULL,      -- JSON
    state TEXT NOT NULL,
    reference TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Who waits for the operator asks again and again: from where, when last, and what the operator was shown of it.
  ALTER TABLE fleet_members ADD COLUMN host TEXT NOT NULL DEFAULT '';
  ALTER TABLE fleet_members ADD COLUMN asked_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE fleet_members ADD COLUMN shown_vehicle TEXT;
  ALTER TABLE fleet_members ADD COLUMN shown_owner TEXT;
  UPDATE fleet_members SET asked_ms = since_ms;
  `,
  `
  -- What names the proof of a ban (the lease, or the receipt that was found wrong), and when its job began.
  ALTER TABLE bans ADD COLUMN evidence_id TEXT NOT NULL DEFAULT '';
  ALTER TABLE bans ADD COLUMN begun_ms INTEGER NOT NULL DEFAULT 0;
  UPDATE bans SET begun_ms = at_ms;

  -- Owners whom this node's own owner has forgiven what they did in jobs that had begun by then.
  CREATE TABLE lifted_bans (owner TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- Jobs that go on without this node, which stood by for them, and the first serial that it has not used in each.
  CREATE TABLE left_jobs (job TEXT PRIMARY KEY, serial INTEGER NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- What the vehicle did, by day of its time zone: one sum for each kind and name (src/host/history).
  CREATE TABLE history (
    day INTEGER NOT NULL,     -- counted from 1970
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (day, kind, name)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Of jobs that a vehicle forgot: the highest serial of its leases there, by their signers. None up to there is run again.
  CREATE TABLE past_leases (
    job TEXT NOT NULL,
    signer TEXT NOT NULL,
    serial INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,   -- the job's deadline, after which nobody takes a lease of it
    PRIMARY KEY (job, signer)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX past_leases_until ON past_leases (until_ms);
  `,
  `
  -- Weights that lie on the disk as one file each: a row, and one for each of its parts. A part is also a row of blocks,
  -- without a body, as long as it is here.
  CREATE TABLE weight_files (
    file TEXT PRIMARY KEY,    -- the CID of its root
    bytes INTEGER NOT NULL,
    is_whole INTEGER NOT NULL,
    is_linked INTEGER NOT NULL, -- it is a user's own file by another name
    stamp TEXT NOT NULL       -- of the whole file, when its parts were last checked
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE weight_parts (
    file TEXT NOT NULL,
    part INTEGER NOT NULL,
    cid TEXT NOT NULL,
    is_here INTEGER NOT NULL,
    PRIMARY KEY (file, part)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX weight_parts_of_block ON weight_parts (cid);
  `,
  `
  -- Invitations to stand by for a job that is about to be submitted, to which this node said yes.
  CREATE TABLE willing (
    inviter TEXT NOT NULL,
    nonce BLOB NOT NULL,
    until_ms INTEGER NOT NULL,
    job TEXT,                 -- the one that came of it; NULL: none yet
    PRIMARY KEY (inviter, nonce)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX willing_by_age ON willing (until_ms);
  `,
  `
  -- Which jobs this node looks after, by who submitted them and by when they ended (steward-rows.ts).
  CREATE INDEX jobs_by_submitter ON jobs (json_extract(state, '$.submitter'), created_at_ms) WHERE role = 'steward';
  CREATE INDEX jobs_by_request ON jobs (json_extract(state, '$.requestDigest'), ended_at_ms) WHERE role = 'steward';
  CREATE INDEX jobs_ended ON jobs (ended_at_ms) WHERE role = 'steward';
  `,
  `
  -- What a finished shard took, where its job counts units such as tokens.
  ALTER TABLE finished ADD COLUMN units_in INTEGER;
  ALTER TABLE finished ADD COLUMN units_out INTEGER;
  `,
  `
  -- Who decided what about the fleet of which this node is a registrar.
  CREATE TABLE fleet_log (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    action TEXT NOT NULL,
    who TEXT NOT NULL,
    peer TEXT,
    owner TEXT,
    vehicle TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  `,
  payments,
  `
  -- How many vehicles an owner has in the fleet of which this node is a registrar.
  CREATE INDEX fleet_members_by_owner ON fleet_members (owner, state);
  `,
  controlSums,
  earlierIncoming,
  incomingByPayer,
  heardByCurrency,
]
