/**
 * The payer of the jobs of this node's submitter. The key may lie on several machines, and its data directory may be an old
 * copy of itself, so that a debt in the ledger is not enough: what was paid may be known elsewhere.
 *
 * A data directory pays for the jobs that were submitted from it. Others that its key submitted, which it reads from their
 * stewards, it shows and does not pay, until somebody says that it takes over. Then, and where it was copied or restored, it
 * begins a new epoch: the payees' vehicles are asked what they were paid, and until one has answered, nothing leaves for it.
 */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { AccountId } from '../../protocol/ledger/account.ts'
import { submitterAccount } from '../../protocol/ledger/account.ts'
import type { Database } from '../store/database.ts'

interface Epoch {
  readonly serial: number
  readonly since_ms: number
  readonly place: string
  readonly yielded_to: PeerId | null
}

/** A reason to pay nobody. */
export type Doubt =
  /** The data directory is a copy, or was restored: what was paid since is not in it. */
  | { readonly why: 'other-place' }
  /** Another node with the submitter's key took over. */
  | { readonly why: 'yielded'; readonly to: PeerId }

export class Payer {
  readonly #database: Database
  readonly submitter: PeerId
  readonly #place: string

  /** `place` names the file that the ledger lies in, so that a copy of it has another (store/place.ts). */
  constructor(database: Database, submitter: PeerId, place: string) {
    this.#database = database
    this.submitter = submitter
    this.#place = place
  }

  /** Call at each start: the first time, the directory's first epoch begins. */
  begin(nowMs: number): void {
    if (this.#epoch() === undefined) this.#put(nowMs)
  }

  doubt(): Doubt | null {
    const epoch = this.#epoch()
    if (epoch === undefined) return null
    if (epoch.yielded_to !== null) return { why: 'yielded', to: epoch.yielded_to }
    return epoch.place === this.#place ? null : { why: 'other-place' }
  }

  /** Jobs of the submitter's key that owe something, and that this directory does not pay for. */
  elsewhere(): JobId[] {
    return this.#database
      .all<{ job: JobId }>(
        `SELECT name AS job FROM ledger_names WHERE number IN (SELECT job FROM ledger_entries
           WHERE kind = 'posted' AND debit = (SELECT number FROM ledger_names WHERE name = ?))
         AND name NOT IN (SELECT job FROM ledger_paying) ORDER BY job`,
        submitterAccount(this.submitter),
      )
      .map(({ job }) => job)
  }

  paysFor(job: JobId): boolean {
    return this.#database.get('SELECT 1 FROM ledger_paying WHERE job = ?', job) !== undefined
  }

  /** From now on this directory pays for all jobs of the submitter's key that it knows, once it has heard from their payees. */
  takeOver(nowMs: number): void {
    this.#database.transaction(() => {
      this.#put(nowMs)
      const { serial } = this.#epoch()!
      this.#database.run('UPDATE ledger_paying SET taken_in = ?', serial)
      for (const job of this.elsewhere())
        this.#database.run('INSERT OR REPLACE INTO ledger_paying VALUES (?, ?)', job, serial)
    })
  }

  /** The vehicle of this account has said what it was paid in this currency. */
  heard(account: AccountId, currency: string): void {
    const epoch = this.#epoch()
    if (epoch === undefined || this.doubt() !== null) return
    const known = this.#database.get<{ epoch: number }>(
      'SELECT epoch FROM ledger_heard_in WHERE account = ? AND currency = ?',
      account,
      currency,
    )
    if (known?.epoch === epoch.serial) return
    this.#database.run(
      'INSERT OR REPLACE INTO ledger_heard_in VALUES (?, ?, ?)',
      account,
      currency,
      epoch.serial,
    )
  }

  /** Accounts that are owed for a job that was taken over, with the currencies in which their vehicle has not said yet what it was paid. */
  unheard(): Map<AccountId, ReadonlySet<string>> {
    const epoch = this.#epoch()
    const hasTaken =
      this.#database.get('SELECT 1 FROM ledger_paying WHERE taken_in IS NOT NULL') !== undefined
    if (epoch === undefined || !hasTaken) return new Map()
    const taken = `FROM ledger_entries WHERE kind IN ('posted', 'reversed')
      AND debit = (SELECT number FROM ledger_names WHERE name = ?1)
      AND job IN (SELECT n.number FROM ledger_paying AS p JOIN ledger_names AS n ON n.name = p.job WHERE p.taken_in IS NOT NULL)`
    const rows = this.#database.all<{ account: AccountId; currency: string }>(
      `SELECT a.name AS account, c.name AS currency
       FROM (SELECT credit AS number, currency ${taken} UNION SELECT share, currency ${taken} AND share IS NOT NULL) AS owed
       JOIN ledger_names AS a ON a.number = owed.number JOIN ledger_names AS c ON c.number = owed.currency
       WHERE NOT EXISTS (SELECT 1 FROM ledger_heard_in AS h
         WHERE h.account = a.name AND h.currency = c.name AND h.epoch = ?2)`,
      submitterAccount(this.submitter),
      epoch.serial,
    )
    return new Map(
      [...Map.groupBy(rows, ({ account }) => account)].map(([account, some]) => [
        account,
        new Set(some.map(({ currency }) => currency)),
      ]),
    )
  }

  /** Another node with the submitter's key took over at this time. Returns true where that is news. */
  yield(to: PeerId, atMs: number): boolean {
    const epoch = this.#epoch()
    if (epoch === undefined || epoch.since_ms >= atMs) return false
    // With its time, by the other's clock, which may be ahead: to take over again is to be later than that.
    this.#database.run(
      'UPDATE ledger_epochs SET yielded_to = ?, since_ms = ? WHERE serial = ?',
      ...[to, atMs, epoch.serial],
    )
    return epoch.yielded_to === null
  }

  /** When this directory took over last; 0 where it never did, and only pays for what was submitted from it. */
  get tookOverMs(): number {
    const epoch = this.#epoch()
    const isFirst = epoch === undefined || epoch.serial === this.#first()
    return isFirst ? 0 : epoch.since_ms
  }

  /** The beginning of this directory's epoch, later than all that it has heard of others that paid before. */
  get sinceMs(): number {
    return this.#epoch()?.since_ms ?? 0
  }

  #first(): number {
    return this.#database.get<{ serial: number }>('SELECT min(serial) AS serial FROM ledger_epochs')!.serial
  }

  #epoch(): Epoch | undefined {
    return this.#database.get<Epoch>('SELECT * FROM ledger_epochs ORDER BY serial DESC LIMIT 1')
  }

  #put(nowMs: number): void {
    this.#database.run(
      'INSERT INTO ledger_epochs (since_ms, place, yielded_to) VALUES (?, ?, NULL)',
      Math.min(Number.MAX_SAFE_INTEGER, Math.max(nowMs, this.sinceMs + 1)),
      this.#place,
    )
  }
}
