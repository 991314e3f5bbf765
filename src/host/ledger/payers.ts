/**
 * Payers, as a vehicle's node talks to them: it takes up what they say that they paid, and tells them what it was paid and what has
 * not arrived. A payer may have begun again from an old copy of its disk, or be another node that signs with the submitter's
 * key; the vehicle's word is how such a one learns what it must not pay again.
 */
import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { PayeeWord, PaymentNotice } from '../../protocol/ledger/payment.ts'
import { openStatement, type Statement } from '../../protocol/ledger/statement.ts'
import type { Message } from '../../protocol/message.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import type { Clock } from '../clock.ts'
import { sha256 } from '../sha256.ts'
import { Incoming, type IncomingOptions } from './incoming.ts'
import type { IncomingPayment } from './settle-contract.ts'
import type { WorkedJob } from './tables.ts'

export interface PayersOptions extends IncomingOptions {
  readonly say: (to: PeerId, message: Message) => void
  readonly persist: (write: () => Promise<unknown>) => void
  readonly after: (action: () => void) => void
  readonly clock: Clock
}

export class Payers {
  readonly #options: PayersOptions
  readonly #incoming: Incoming

  constructor(options: PayersOptions) {
    this.#options = options
    this.#incoming = new Incoming(options)
  }

  /** A statement of this job came from a peer. */
  heard(
    row: WorkedJob,
    from: PeerId,
    said: {
      readonly record: SignedRecord
      readonly statement: Verified<Statement>
      readonly payments: readonly PaymentNotice[]
    },
  ): void {
    const { self, clock, after } = this.#options
    const { statement, payments } = said
    const { signer, steward, payload } = statement
    if (payload.vehicle !== self || payload.currency !== row.currency) return
    const isByKey = signer === row.submitter && steward === from
    if (!isByKey && (signer !== row.stewards[0] || signer !== from)) return
    after(() => this.#incoming.note(row, statement, payments, clock.now()))
    // A node that begins again from an old copy signs with serials that it has used: it is answered all the same.
    const isOld = this.#isOld(row.job, statement)
    if (isByKey || isOld) this.#answer(row, from, said, isByKey && !isOld)
  }

  /** This vehicle's word to the payer of a job. */
  word(row: WorkedJob, owner: Statement['owner'], currency: string): PayeeWord {
    return this.#incoming.word(row, owner, currency)
  }

  payments(): IncomingPayment[] {
    return this.#incoming.list()
  }

  /** The owner says that a payment has not arrived, or that it has after all. Throws RequestError. */
  mark(settlement: string, isMissing: boolean): void {
    this.#tell(this.#incoming.mark(settlement, isMissing, this.#options.clock.now()), null)
  }

  /** A payer that was away is told what has not arrived. */
  connected(peer: PeerId): void {
    this.#tell(this.#incoming.withMissing(), peer)
  }

  /** `only`: no other than this peer. */
  #tell(jobs: readonly JobId[], only: PeerId | null): void {
    const { tables, say } = this.#options
    for (const job of jobs) {
      const row = tables.job(job)
      if (row === undefined) continue
      for (const owner of new Set(tables.statements(job).map((statement) => statement.owner))) {
        const heard = this.word(row, owner, row.currency)
        const byKey = heard.payer && openStatement(heard.payer, sha256, () => true).steward
        const payer = byKey ?? row.stewards[0]
        if (payer !== undefined && (only === null || payer === only))
          say(payer, { type: 'account', job, before: null, heard })
      }
    }
  }

  #isOld(job: JobId, { signer, payload, serial }: Verified<Statement>): boolean {
    const last = this.#options.tables.statement(job, signer, payload.vehicle, payload.owner)
    return last !== undefined && openStatement(last, sha256, () => true).serial > serial
  }

  #answer(
    row: WorkedJob,
    to: PeerId,
    { record, statement }: { readonly record: SignedRecord; readonly statement: Verified<Statement> },
    isKept: boolean,
  ): void {
    const { books, tables, self, say, after, persist } = this.#options
    const { id, signer: steward, payload } = statement
    const { vehicle, owner, currency } = payload
    const { job } = row
    if (isKept)
      persist(() => tables.putStatementSoon({ job, steward, vehicle, owner, id, ...record, agreed: null }))
    after(() => {
      let micros = 0
      for (const { kind, claim, credits } of books.standingOf(job, self))
        if (kind === 'posted' && claim?.owner === owner) micros += credits[0]!.micros
      const heard = this.word(row, owner, currency)
      say(to, { type: 'accounted', job, statement: id, micros, heard })
    })
  }
}
