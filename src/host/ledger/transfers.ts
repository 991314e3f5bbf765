/**
 * The lines of pay-outs on disk. A line is one transfer to one payee, and has a life of its own: it is prepared, sent to the bank,
 * and paid, or rejected, or sent back after all. Each step is kept, with the bank's reference or reason.
 */

import type { PaymentNotice } from '../../protocol/ledger/payment.ts'
import type { Micros } from '../../protocol/price.ts'
import { paymentReferenceCharsMax, statementPaymentsMax } from '../../protocol/sizes.ts'
import type { Database } from '../store/database.ts'
import { areSame, type ControlSum, sumsInWords } from './control-sums.ts'
import type { Payout, PayoutLine, PayoutSummary, TransferState, TransferStep } from './settle-contract.ts'

interface LineRow {
  readonly settlement: string
  readonly payee: string
  readonly currency: string
  readonly micros: Micros
  readonly state: TransferState
  readonly at_ms: number
  readonly reference: string
  readonly reason: string
  readonly missing_at_ms: number | null
}

export interface Part {
  readonly account: string
  readonly micros: Micros
}

export class Transfers {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** A new pay-out, with its lines, all prepared, and what they must come to. Call in a transaction. */
  put({ name, createdAtMs, executionDate, lines }: Payout, control: readonly ControlSum[]): void {
    this.#database.run(
      'INSERT INTO ledger_payouts (name, created_at_ms, execution_date, control) VALUES (?, ?, ?, ?)',
      ...[name, createdAtMs, executionDate, JSON.stringify(control)],
    )
    for (const [i, line] of lines.entries()) {
      const { settlement, payee, currency, micros, state, atMs, reference, reason, accounts } = line
      this.#database.run(
        'INSERT INTO ledger_transfers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)',
        ...[settlement, name, i + 1, payee, currency, micros, state, atMs, reference, reason],
      )
      for (const [part, { account, micros: amount }] of accounts.entries())
        this.#database.run(
          'INSERT INTO ledger_transfer_parts VALUES (?, ?, ?, ?)',
          ...[settlement, part, account, amount],
        )
      this.#step(settlement, { state, atMs, reference, reason })
    }
  }

  /** A line has taken a step. */
  move(settlement: string, step: TransferStep): void {
    const { state, atMs, reference, reason } = step
    this.#database.run(
      `UPDATE ledger_transfers SET state = ?, at_ms = ?, reference = ?, reason = ?,
         missing_at_ms = CASE ?1 WHEN 'returned' THEN NULL ELSE missing_at_ms END
       WHERE settlement = ?`,
      ...[state, atMs, reference, reason, settlement],
    )
    this.#step(settlement, step)
  }

  #step(settlement: string, { state, atMs, reference, reason }: TransferStep): void {
    this.#database.run(
      'INSERT INTO ledger_transfer_steps (settlement, at_ms, state, reference, reason) VALUES (?, ?, ?, ?, ?)',
      ...[settlement, atMs, state, reference, reason],
    )
  }

  line(settlement: string): PayoutLine | undefined {
    const row = this.#database.get<LineRow>('SELECT * FROM ledger_transfers WHERE settlement = ?', settlement)
    return row && this.#lineOf(row)
  }

  /** The lines of a pay-out, in order; undefined where there is none of that name. */
  payout(name: string): Payout | undefined {
    const row = this.#database.get<{ created_at_ms: number; execution_date: string }>(
      'SELECT * FROM ledger_payouts WHERE name = ?',
      name,
    )
    if (row === undefined) return undefined
    const lines = this.#database.all<LineRow>(
      'SELECT * FROM ledger_transfers WHERE payout = ? ORDER BY line',
      name,
    )
    const { created_at_ms: createdAtMs, execution_date: executionDate } = row
    return { name, createdAtMs, executionDate, lines: lines.map((line) => this.#lineOf(line)) }
  }

  #lineOf(row: LineRow): PayoutLine {
    const { at_ms: atMs, missing_at_ms: missingAtMs, settlement, payee, currency, micros, ...rest } = row
    const { state, reference, reason } = rest
    const accounts = this.parts(settlement)
    return {
      ...{ settlement, payee, currency, micros, state, atMs },
      ...{ reference, reason, missingAtMs, accounts },
    }
  }

  parts(settlement: string): Part[] {
    return this.#database.all<Part>(
      'SELECT account, micros FROM ledger_transfer_parts WHERE settlement = ? ORDER BY part',
      settlement,
    )
  }

  steps(settlement: string): TransferStep[] {
    return this.#database.all<TransferStep>(
      `SELECT at_ms AS atMs, state, reference, reason FROM ledger_transfer_steps
       WHERE settlement = ? ORDER BY serial`,
      settlement,
    )
  }

  /** Returns why this pay-out is not what was made ready, as a sentence; null: its transfers, and their parts, come to that. */
  damage(name: string): string | null {
    const text = this.#database.get<{ control: string }>(
      'SELECT control FROM ledger_payouts WHERE name = ?',
      name,
    )?.control
    const sums = this.#database.all<ControlSum & { readonly unlike: number }>(
      `SELECT currency, count(*) AS lines, sum(micros) AS micros, sum(micros <> parts) AS unlike FROM (
         SELECT currency, micros, (SELECT coalesce(sum(p.micros), 0) FROM ledger_transfer_parts AS p
           WHERE p.settlement = t.settlement) AS parts FROM ledger_transfers AS t WHERE payout = ?
       ) GROUP BY currency ORDER BY currency`,
      name,
    )
    const control: ControlSum[] = text ? JSON.parse(text) : sums
    const unlike = sums.reduce((sum, one) => sum + one.unlike, 0)
    if (areSame(sums, control) && unlike === 0) return null
    const what =
      unlike > 0 ? `${unlike} of its transfers do not come to their parts` : `it has ${sumsInWords(sums)} now`
    return `pay-out ${name} was changed on the disk: it was made ready with ${sumsInWords(control)}, and ${what}. Nothing of it is noted until that is explained`
  }

  /** All pay-outs, the oldest first, without their lines. */
  list(): PayoutSummary[] {
    const sums = this.#database.all<{
      payout: string
      state: TransferState
      currency: string
      lines: number
      micros: number
      missing: number
    }>(
      `SELECT payout, state, currency, count(*) AS lines, sum(micros) AS micros, count(missing_at_ms) AS missing
       FROM ledger_transfers GROUP BY payout, state, currency ORDER BY payout, state, currency`,
    )
    const byPayout = Map.groupBy(sums, ({ payout }) => payout)
    return this.#database
      .all<{ name: string; createdAtMs: number; executionDate: string }>(
        `SELECT name, created_at_ms AS createdAtMs, execution_date AS executionDate FROM ledger_payouts
         ORDER BY created_at_ms, name`,
      )
      .map((row) => ({
        ...row,
        sums: (byPayout.get(row.name) ?? []).map(({ payout: _, ...sum }) => sum),
      }))
  }

  /** The amounts of each account that lines hold which are prepared or sent, by currency. */
  held(): (Part & { readonly currency: string })[] {
    return this.#database.all(
      `SELECT p.account, t.currency, sum(p.micros) AS micros FROM ledger_transfers AS t
       JOIN ledger_transfer_parts AS p ON p.settlement = t.settlement
       WHERE t.state IN ('prepared', 'sent') GROUP BY p.account, t.currency`,
    )
  }

  /** … for one account. */
  heldFor(account: string, currency: string): number {
    return this.#database.get<{ micros: number }>(
      `SELECT coalesce(sum(p.micros), 0) AS micros FROM ledger_transfer_parts AS p
       JOIN ledger_transfers AS t ON t.settlement = p.settlement
       WHERE p.account = ? AND t.currency = ? AND t.state IN ('prepared', 'sent')`,
      account,
      currency,
    )!.micros
  }

  /** The newest payments to this account, as its vehicle is told of them. */
  notices(account: string, currency: string): PaymentNotice[] {
    return this.#database
      .all<PaymentNotice>(
        `SELECT t.settlement, p.micros, t.state, t.reference, t.at_ms AS atMs
         FROM ledger_transfer_parts AS p JOIN ledger_transfers AS t ON t.settlement = p.settlement
         WHERE p.account = ? AND t.currency = ? AND t.state IN ('paid', 'returned')
         ORDER BY t.at_ms DESC, t.settlement LIMIT ${statementPaymentsMax}`,
        account,
        currency,
      )
      .map((notice) => ({ ...notice, reference: notice.reference.slice(0, paymentReferenceCharsMax) }))
  }

  /** The payee's vehicle says which of its payments have not arrived: these, and no others. Returns those that are news. */
  noteMissing(account: string, missing: readonly string[], nowMs: number): string[] {
    const paid = this.#database.all<{ settlement: string; missing_at_ms: number | null }>(
      `SELECT t.settlement, t.missing_at_ms FROM ledger_transfer_parts AS p
       JOIN ledger_transfers AS t ON t.settlement = p.settlement WHERE p.account = ? AND t.state = 'paid'`,
      account,
    )
    const changed = paid.filter(
      ({ settlement, missing_at_ms }) => missing.includes(settlement) !== (missing_at_ms !== null),
    )
    for (const { settlement } of changed)
      this.#database.run(
        'UPDATE ledger_transfers SET missing_at_ms = ? WHERE settlement = ?',
        missing.includes(settlement) ? nowMs : null,
        settlement,
      )
    return changed.map(({ settlement }) => settlement).filter((settlement) => missing.includes(settlement))
  }
}
