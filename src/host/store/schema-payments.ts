/** Scripts of schema.ts, and as little to be edited: the tables of payments. */
export const payments = `
  -- The lines of pay-outs, each with a life of its own. What is prepared or sent holds its amount.
  CREATE TABLE ledger_transfers (
    settlement TEXT PRIMARY KEY,  -- the end-to-end id
    payout TEXT NOT NULL,
    line INTEGER NOT NULL,
    payee TEXT NOT NULL,
    currency TEXT NOT NULL,
    micros INTEGER NOT NULL,
    state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,       -- since when
    reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    missing_at_ms INTEGER         -- since when its payee says that it has not arrived
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX ledger_transfers_of_payout ON ledger_transfers (payout, line);
  CREATE INDEX ledger_transfers_held ON ledger_transfers (state, settlement) WHERE state IN ('prepared', 'sent');
  CREATE TABLE ledger_transfer_parts (
    settlement TEXT NOT NULL,
    part INTEGER NOT NULL,
    account TEXT NOT NULL,
    micros INTEGER NOT NULL,
    PRIMARY KEY (settlement, part)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX ledger_transfer_parts_of_account ON ledger_transfer_parts (account, settlement);
  CREATE TABLE ledger_transfer_steps (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    settlement TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    state TEXT NOT NULL,
    reference TEXT NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
  CREATE INDEX ledger_transfer_steps_of_one ON ledger_transfer_steps (settlement, serial);
  INSERT INTO ledger_transfers
    SELECT json_extract(line.value, '$.settlement'), p.name, line.key + 1, json_extract(line.value, '$.payee'),
      json_extract(line.value, '$.currency'), json_extract(line.value, '$.micros'),
      CASE p.state WHEN 'open' THEN 'prepared' ELSE p.state END, p.created_at_ms, p.reference, '', NULL
    FROM ledger_payouts AS p, json_each(p.lines) AS line;
  INSERT INTO ledger_transfer_parts
    SELECT json_extract(line.value, '$.settlement'), part.key, json_extract(part.value, '$.account'),
      json_extract(part.value, '$.micros')
    FROM ledger_payouts AS p, json_each(p.lines) AS line, json_each(line.value, '$.accounts') AS part;
  INSERT INTO ledger_transfer_steps (settlement, at_ms, state, reference, reason)
    SELECT settlement, at_ms, state, reference, '' FROM ledger_transfers;
  ALTER TABLE ledger_payouts DROP COLUMN lines;
  ALTER TABLE ledger_payouts DROP COLUMN state;
  ALTER TABLE ledger_payouts DROP COLUMN reference;
  ALTER TABLE ledger_payouts ADD COLUMN execution_date TEXT NOT NULL DEFAULT '';

  -- When this data directory began to pay, and began anew, and which file it was then (src/host/ledger/payer.ts).
  CREATE TABLE ledger_epochs (
    serial INTEGER PRIMARY KEY AUTOINCREMENT,
    since_ms INTEGER NOT NULL,
    place TEXT NOT NULL,
    yielded_to TEXT               -- the node that took over from it
  ) STRICT;
  -- The jobs that this data directory pays for: it submitted them, or took them over in an epoch.
  CREATE TABLE ledger_paying (
    job TEXT PRIMARY KEY,
    taken_in INTEGER              -- NULL: submitted here
  ) STRICT, WITHOUT ROWID;
  -- Accounts whose vehicle has said what it was paid, and in which epoch.
  CREATE TABLE ledger_heard (account TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO ledger_paying
    SELECT job, NULL FROM (
      SELECT DISTINCT n.name AS job FROM ledger_entries AS e JOIN ledger_names AS n ON n.number = e.job
      UNION SELECT job FROM jobs WHERE role = 'steward'
    ) AS known WHERE NOT EXISTS (
      SELECT 1 FROM jobs AS j
      WHERE j.job = known.job AND j.role = 'steward' AND json_extract(j.state, '$.requestDigest') = ''
    );

  -- Payments that payers have named to this node's vehicle.
  CREATE TABLE ledger_incoming (
    settlement TEXT NOT NULL,
    account TEXT NOT NULL,
    submitter TEXT NOT NULL,
    signer TEXT NOT NULL,         -- of the statement that told it
    job TEXT NOT NULL,            -- one of those for which it was told
    currency TEXT NOT NULL,
    micros INTEGER NOT NULL,
    state TEXT NOT NULL,
    reference TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    missing_at_ms INTEGER,        -- since when its owner says that it has not arrived
    PRIMARY KEY (settlement, account)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX ledger_statements_of_vehicle ON ledger_statements (vehicle, steward, job);
`

/** The sums of a pay-out's transfers, by currency, as JSON: taken of the debts that they pay. '' of pay-outs made before this was kept. */
export const controlSums = `
  ALTER TABLE ledger_payouts ADD COLUMN control TEXT NOT NULL DEFAULT '';
`

/** Payments that payers named to this node's vehicle so long ago that their rows became a sum. */
export const earlierIncoming = `
  CREATE TABLE ledger_incoming_earlier (
    account TEXT NOT NULL,
    submitter TEXT NOT NULL,
    signer TEXT NOT NULL,
    currency TEXT NOT NULL,
    count INTEGER NOT NULL,
    micros INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,       -- of the newest
    PRIMARY KEY (account, submitter, signer, currency)
  ) STRICT, WITHOUT ROWID;
`

/** Each statement of a payer that names payments looks for its old ones. */
export const incomingByPayer = `
  CREATE INDEX ledger_incoming_by_payer ON ledger_incoming (account, submitter, at_ms);
`

/** A word on what was paid is about one currency. */
export const heardByCurrency = `
  CREATE TABLE ledger_heard_in (
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (account, currency)
  ) STRICT, WITHOUT ROWID;
  DROP TABLE ledger_heard;
`
