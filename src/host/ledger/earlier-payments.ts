/**
 * Payments that are so old that no bank takes them back any more: a row for each that a vehicle was told of would stay for ever, so
 * that they become one sum by payer. Each is an entry of the ledger still, under its name and with its reference.
 */
import type { PeerId } from '../../protocol/ids.ts'
import type { AccountId } from '../../protocol/ledger/account.ts'
import type { Micros } from '../../protocol/price.ts'
import type { Database } from '../store/database.ts'

/** A payer of the SEPA may claim a transfer back for 13 months (Directive 2015/2366, article 71); and a month for the word to come. */
export const paymentsKeptMs = 430 * 24 * 3_600_000

export interface EarlierPayments {
  readonly submitter: PeerId
  readonly signer: PeerId
  readonly currency: string
  readonly count: number
  readonly micros: Micros
  /** The time of the newest. */
  readonly atMs: number
}

const columns = 'submitter, signer, currency, count, micros, at_ms AS atMs'
/** By this node's clock: the times that payers name are theirs to choose. */
const isOld = (kind: string) => `account = ?1 AND submitter = ?2 AND at_ms < ?3 AND EXISTS (
  SELECT 1 FROM ledger_entries AS e WHERE e.about = submitter || '/' || settlement || '/' || account
  AND e.place IS NULL AND e.kind = '${kind}' AND e.at_ms < ?3)`
const isEarlier = `state = 'paid' AND missing_at_ms IS NULL AND ${isOld('paid')}`

export class EarlierStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  of(account: AccountId): EarlierPayments[] {
    return this.#database.all(`SELECT ${columns} FROM ledger_incoming_earlier WHERE account = ?`, account)
  }

  list(): EarlierPayments[] {
    return this.#database.all(`SELECT ${columns} FROM ledger_incoming_earlier ORDER BY at_ms DESC, submitter`)
  }

  /** Call in a transaction, after a payment of this payer was noted. */
  fold(account: AccountId, submitter: PeerId, nowMs: number): void {
    const of = [account, submitter, nowMs - paymentsKeptMs]
    this.#database.run(
      `INSERT INTO ledger_incoming_earlier
       SELECT account, submitter, signer, currency, count(*), sum(micros), max(at_ms) FROM ledger_incoming
       WHERE ${isEarlier} GROUP BY signer, currency
       ON CONFLICT DO UPDATE SET count = count + excluded.count, micros = micros + excluded.micros,
         at_ms = max(at_ms, excluded.at_ms)`,
      ...of,
    )
    this.#database.run(`DELETE FROM ledger_incoming WHERE ${isEarlier}`, ...of)
    this.#database.run(`DELETE FROM ledger_incoming WHERE state = 'returned' AND ${isOld('unpaid')}`, ...of)
  }

  /** One of them came back after all. Call in a transaction. */
  takeOut(account: AccountId, { submitter, signer, currency }: EarlierPayments, micros: Micros): void {
    this.#database.run(
      `UPDATE ledger_incoming_earlier SET count = count - 1, micros = micros - ?
       WHERE account = ? AND submitter = ? AND signer = ? AND currency = ?`,
      ...[micros, account, submitter, signer, currency],
    )
  }
}
