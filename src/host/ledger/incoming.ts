/**
 * Payments as a vehicle's node learns of them: from the node that pays for a job, with its statements. Only that node's word
 * counts, or another's that signs with the submitter's own key; a standby pays nobody.
 *
 * A statement names the sum of what its signer has paid, and beside it the newest payments one by one. A payment that is named
 * is an entry under its end-to-end id; what the sum has beyond those is an entry without one.
 */
import type { Logger } from 'pino'
import type { JobId, PeerId } from '../../protocol/ids.ts'
import { type AccountId, outsideAccount, ownerAccount } from '../../protocol/ledger/account.ts'
import type { LedgerInput } from '../../protocol/ledger/ledger.ts'
import type { PayeeWord, PaymentNotice } from '../../protocol/ledger/payment.ts'
import type { Statement } from '../../protocol/ledger/statement.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import { statementPaymentsMax } from '../../protocol/sizes.ts'
import { RequestError } from '../errors.ts'
import type { WorkNews } from '../history/contract.ts'
import type { Database } from '../store/database.ts'
import { type EarlierPayments, EarlierStore } from './earlier-payments.ts'
import type { LedgerParts } from './payables-driver.ts'
import type { IncomingPayment } from './settle-contract.ts'
import type { WorkedJob } from './tables.ts'

export interface IncomingOptions extends LedgerParts {
  readonly self: PeerId
  readonly database: Database
  readonly news: WorkNews
  readonly log: Logger
}

interface Row extends PaymentNotice {
  readonly submitter: PeerId
  readonly job: JobId
  readonly currency: string
  readonly missingAtMs: number | null
}

const columns = `settlement, submitter, job, currency, micros, state, reference, at_ms AS atMs, missing_at_ms AS missingAtMs`

/**
 * A payer's word counts up to this, and so many times what this vehicle has ever earned from it: more than this vehicle knows of,
 * since its disk may have been lost, and far less than a ledger can hold. Otherwise a stranger who says that it paid without
 * bound would leave no room for what others pay. Guesses: a million units of a currency.
 */
const unearnedMicrosMax = 1e12
const unearnedFactor = 1_000

/**
 * Payments of one payer that this vehicle keeps by name: some 23 a day for as long as they are kept (earlier-payments.ts). A payer that names
 * more, each of a millionth, would fill its disk with rows: of what it says it paid beyond them nothing is noted. A guess.
 */
export const namedPaymentsMax = 10_000

export class Incoming {
  readonly #options: IncomingOptions
  readonly #earlier: EarlierStore

  constructor(options: IncomingOptions) {
    this.#options = options
    this.#earlier = new EarlierStore(options.database)
  }

  /** Takes up what the payer says that it has paid. */
  note(
    row: WorkedJob,
    { id, signer, payload }: Verified<Statement>,
    payments: readonly PaymentNotice[],
    nowMs: number,
  ): void {
    const { books, database, news, log } = this.#options
    const { vehicle, owner, currency } = payload
    const account = ownerAccount(owner, vehicle)
    const to = outsideAccount(row.submitter)
    const nameOf = (settlement: string) => `${row.submitter}/${settlement}/${account}`
    // At once: the next statement is judged by what this one has left. Each by itself: one that does not fit leaves the others.
    const write = (input: LedgerInput): boolean => {
      const refusals = books.handleNow([input], nowMs)
      for (const refusal of refusals) log.error({ job: row.job, refusal }, 'the ledger refused a payment')
      return refusals.length === 0
    }
    let noted = books.paidTo(account, row.submitter, currency)
    const isBelieved = (micros: number) => {
      const sum = noted + micros
      if (sum <= unearnedMicrosMax) return true
      const earned = books.earnedFrom(account, vehicle, row.submitter, currency)
      if (sum <= unearnedMicrosMax + unearnedFactor * earned) return true
      log.warn({ job: row.job, signer, micros }, 'a payer says that it paid more than it can have owed')
      return false
    }
    const pay = (settlement: string, micros: number, reference: string) => {
      const name = nameOf(settlement)
      const order = { name, currency, from: account, to, micros, reference, isFact: true }
      if (!isBelieved(micros) || !write({ type: 'pay', order })) return false
      noted += micros
      return true
    }
    const rows = this.#rows(account)
    const known = new Map<string, Before>(rows.map((one) => [one.settlement, one]))
    const isOfPayer = (one: Pick<Row, 'submitter' | 'currency'>) =>
      one.submitter === row.submitter && one.currency === currency
    const sums = this.#earlier.of(account).filter(isOfPayer)
    const earlier = sums.toSorted((a, b) => Number(b.signer === signer) - Number(a.signer === signer))
    /** Its entry tells of a payment whose row has become part of a sum. */
    const folded = (settlement: string): Before | undefined => {
      const entry = earlier.length === 0 ? undefined : books.lastOf(`payment/${nameOf(settlement)}`)
      if (entry === undefined) return undefined
      const { submitter } = row
      const state = entry.kind === 'paid' ? 'paid' : 'returned'
      return { submitter, currency: entry.currency, micros: entry.credits[0]!.micros, state, earlier }
    }
    const takenOut: [EarlierPayments, number][] = []
    const keep: PaymentNotice[] = []
    let room = namedPaymentsMax - rows.filter(({ submitter }) => submitter === row.submitter).length
    // Payments that were noted before this node knew their names.
    let unnamed = Math.max(0, noted - sumOf(rows.filter(isOfPayer)) - microsOf(earlier))
    let fresh = payload.paidMicros - this.#paidBy(account, currency, signer) - unnamed
    let newMicros = 0
    for (const notice of payments.toSorted((a, b) => a.atMs - b.atMs)) {
      const { settlement, micros, state, reference } = notice
      const before = known.get(settlement) ?? folded(settlement)
      if (before?.state === state && (before.reference ?? reference) === reference) continue
      // It is another's, whether by its amount or by its payer; and what was sent back is not paid again by its old name.
      if (before !== undefined && (before.micros !== micros || !isOfPayer(before))) continue
      if (before?.state === 'returned' && state === 'paid') continue
      if (before === undefined && room <= 0) continue
      if (state === 'paid' && before === undefined) {
        if (micros > fresh && micros <= unnamed) unnamed -= micros
        else {
          if (!pay(settlement, micros, reference === '' ? settlement : `${settlement}: ${reference}`))
            continue
          fresh -= micros
          newMicros += micros
        }
      } else if (state === 'returned' && before?.state === 'paid') {
        const name = nameOf(settlement)
        // One that was noted before this node knew its name has no entry of its own.
        if (!write({ type: 'take-back', name, reference: `${settlement} was sent back` })) continue
        const sum = before.earlier?.find((one) => one.micros >= micros)
        if (sum !== undefined) takenOut.push([sum, micros])
      }
      keep.push(notice)
      if (before === undefined) room -= 1
    }
    if (fresh > 0 && room > 0) {
      const settlement = `unnamed-${id.slice(-12)}`
      if (pay(settlement, fresh, `paid, says ${signer}`)) {
        keep.push({ settlement, micros: fresh, state: 'paid', reference: '', atMs: nowMs })
        newMicros += fresh
      }
    }
    if (keep.length === 0) return
    database.transaction(() => {
      for (const { settlement, micros, state, reference, atMs } of keep)
        database.run(
          `INSERT INTO ledger_incoming VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
           ON CONFLICT DO UPDATE SET state = excluded.state, reference = excluded.reference, at_ms = excluded.at_ms,
             missing_at_ms = CASE excluded.state WHEN 'paid' THEN missing_at_ms END`,
          ...[settlement, account, row.submitter, signer, row.job, currency, micros, state, reference, atMs],
        )
      for (const [sum, micros] of takenOut) this.#earlier.takeOut(account, sum, micros)
      this.#earlier.fold(account, row.submitter, nowMs)
    })
    if (newMicros > 0) news.paid(row.job, signer, newMicros, currency)
  }

  /** This vehicle's word to the payer of a job: what it was paid, and what has not come. */
  word({ job, submitter }: WorkedJob, owner: Statement['owner'], currency: string): PayeeWord {
    const { books, self } = this.#options
    const account = ownerAccount(owner, self)
    const missing = this.#rows(account).filter(
      (row) =>
        row.submitter === submitter &&
        row.currency === currency &&
        row.missingAtMs !== null &&
        row.state === 'paid',
    )
    return {
      owner,
      currency,
      paidMicros: books.paidTo(account, submitter, currency),
      missing: missing.slice(0, statementPaymentsMax).map(({ settlement }) => settlement),
      payer: this.#payerOf(job, submitter, owner) ?? null,
    }
  }

  /** The newest first, and then the sums of those that were long ago. */
  list(): IncomingPayment[] {
    const payments = this.#options.database
      .all<Row>(`SELECT ${columns} FROM ledger_incoming ORDER BY at_ms DESC, settlement`)
      .map(({ job: _, ...payment }) => payment)
    const sums = this.#earlier.list().map(({ signer: _, count, ...sum }) => ({
      ...sum,
      settlement: count === 1 ? '1 earlier payment' : `${count} earlier payments`,
      ...{ state: 'paid' as const, reference: '', missingAtMs: null },
    }))
    return [...payments, ...sums]
  }

  /**
   * The owner says that a payment has not arrived, or that it has after all. Returns the jobs whose payer is to be told.
   * Throws RequestError.
   */
  mark(settlement: string, isMissing: boolean, nowMs: number): JobId[] {
    const { database } = this.#options
    const rows = database.all<Row>(`SELECT ${columns} FROM ledger_incoming WHERE settlement = ?`, settlement)
    if (rows.length === 0)
      throw new RequestError(
        `no payer has named a payment '${settlement}'; 'carpool payments' lists those that it named`,
      )
    if (isMissing && rows.every(({ state }) => state !== 'paid'))
      throw new RequestError(`the payment ${settlement} was sent back to its payer, as it says itself`)
    database.run(
      'UPDATE ledger_incoming SET missing_at_ms = ? WHERE settlement = ?',
      isMissing ? nowMs : null,
      settlement,
    )
    return [...new Set(rows.map(({ job }) => job))]
  }

  /** The jobs with whose statements payments were named that have not arrived. */
  withMissing(): JobId[] {
    return this.#options.database
      .all<{ job: JobId }>('SELECT DISTINCT job FROM ledger_incoming WHERE missing_at_ms IS NOT NULL')
      .map(({ job }) => job)
  }

  #rows(account: string): Row[] {
    return this.#options.database.all<Row>(
      `SELECT ${columns} FROM ledger_incoming WHERE account = ? ORDER BY at_ms DESC, settlement`,
      account,
    )
  }

  #paidBy(account: AccountId, currency: string, signer: PeerId): number {
    const { micros } = this.#options.database.get<{ micros: number }>(
      `SELECT coalesce(sum(micros), 0) AS micros FROM ledger_incoming
       WHERE account = ? AND currency = ? AND signer = ? AND state = 'paid'`,
      account,
      currency,
      signer,
    )!
    const isOf = (one: EarlierPayments) => one.signer === signer && one.currency === currency
    return micros + microsOf(this.#earlier.of(account).filter(isOf))
  }

  #payerOf(job: WorkedJob['job'], submitter: PeerId, owner: Statement['owner']): SignedRecord | undefined {
    const row = this.#options.tables.statement(job, submitter, this.#options.self, owner)
    return row && { body: row.body, signature: row.signature }
  }
}

/** One that is part of a sum has no reference beside it. */
type Before = Pick<Row, 'submitter' | 'currency' | 'micros' | 'state'> & {
  readonly reference?: string
  readonly earlier?: readonly EarlierPayments[]
}

function microsOf(sums: readonly EarlierPayments[]): number {
  return sums.reduce((all, { micros }) => all + micros, 0)
}

function sumOf(rows: Iterable<Row>): number {
  let sum = 0
  for (const { state, micros } of rows) if (state === 'paid') sum += micros
  return sum
}
