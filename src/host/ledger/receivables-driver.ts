/**
 * Drives the receivables of this node's vehicle: for each job that it works for and that pays, carries out the decisions of
 * Receivables (src/protocol/ledger). It keeps the signed records that the money rests on, since a job's
 * own records are forgotten when the job is over.
 */
import type { Logger } from 'pino'
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import type { Handover } from '../../protocol/job/handover.ts'
import { type Lease, openLease, openReceipt, type Receipt } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { subjectOf } from '../../protocol/ledger/entry.ts'
import type { LedgerInput } from '../../protocol/ledger/ledger.ts'
import {
  type Difference,
  Receivables,
  type ReceivablesEffect,
  type ReceivablesInput,
} from '../../protocol/ledger/receivables.ts'
import { fromWire, openStatement, type Statement } from '../../protocol/ledger/statement.ts'
import { jobRetentionMs } from '../../protocol/limits.ts'
import type { Message } from '../../protocol/message.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import { at, type Clock } from '../clock.ts'
import type { WorkNews } from '../history/contract.ts'
import { sha256 } from '../sha256.ts'
import type { Database } from '../store/database.ts'
import type { JournalRecord } from '../store/journal.ts'
import { verifyByPeerId } from '../store/keys.ts'
import type { LedgerParts } from './payables-driver.ts'
import { Payers } from './payers.ts'
import type { WorkedJob } from './tables.ts'

export interface ReceivablesDriverOptions extends LedgerParts {
  readonly self: PeerId
  readonly say: (to: PeerId, message: Message) => void
  /** Makes the effects behind the write wait until it is durable. */
  readonly persist: (write: () => Promise<unknown>) => void
  /** Once all before it is durable. */
  readonly after: (action: () => void) => void
  readonly clock: Clock
  readonly database: Database
  readonly news: WorkNews
  readonly log: Logger
}

/** A record as it came, and its contents. */
export interface Signed<Payload> {
  readonly record: SignedRecord
  readonly content: Verified<Payload>
}

interface Job {
  readonly row: WorkedJob
  readonly receivables: Receivables
  /** Ends the wait for its next wake. */
  callOff: () => void
}

export class ReceivablesDriver {
  readonly payers: Payers
  readonly #options: ReceivablesDriverOptions
  readonly #jobs = new Map<JobId, Job>()
  /** That this run took; older ones are on the disk. */
  readonly #leases = new Map<LeaseId, Verified<Lease>>()

  constructor(options: ReceivablesDriverOptions) {
    this.#options = options
    this.payers = new Payers(options)
  }

  /** Takes up the jobs that are not settled. Those whose stewards have forgotten them stay as they are. */
  restore(nowMs: number): void {
    for (const row of this.#options.tables.jobs())
      if (row.settledAtMs === null && row.sinceMs + 2 * jobRetentionMs > nowMs) this.#reopen(row)
  }

  /** A lease was taken, or a steward came: this is who looks after the job now. */
  took(
    manifest: Signed<Manifest>,
    handovers: readonly Signed<Handover>[],
    lease: Signed<Lease> | undefined,
    stewards: readonly PeerId[],
  ): void {
    const { id, signer, payload } = manifest.content
    if (payload.payment === null) return
    const known = this.#jobOf(id)
    if (known === undefined && lease === undefined) return
    const row: WorkedJob = {
      job: id,
      submitter: signer,
      fleet: payload.fleet,
      currency: payload.payment.currency,
      stewards,
      sinceMs: known?.row.sinceMs ?? this.#options.clock.now(),
      settledAtMs: null,
    }
    const { tables, persist } = this.#options
    this.#keep('manifest', id, manifest)
    for (const handover of handovers) this.#keep('handover', id, handover)
    if (lease !== undefined) this.#keep('lease', id, lease)
    if (known?.row.stewards.length === stewards.length) return
    persist(() => tables.putJobSoon(row))
    this.#open(row)
  }

  /** A receipt was signed, and is about to be durable. */
  signed(record: JournalRecord, receipt: Verified<Receipt>): void {
    const job = receipt.job === null ? undefined : this.#jobs.get(receipt.job)
    const lease = this.#leaseOf(receipt.payload.lease)
    if (job === undefined || lease === undefined) return
    const { tables, persist } = this.#options
    persist(() => tables.putRecordSoon(record))
    this.#handle(job, { type: 'signed', lease, receipt })
  }

  /**
   * Throws ProtocolError for a statement that does not hold. A statement about a job that is unknown here is passed
   * over.
   */
  hear(from: PeerId, message: Extract<Message, { type: 'statement' }>): void {
    const { record, claims, next } = message
    const statement = openStatement(record, sha256, verifyByPeerId)
    const job = statement.job === null ? undefined : this.#jobOf(statement.job)
    if (job === undefined) return
    this.payers.heard(job.row, from, { record, statement, payments: message.payments ?? [] })
    if (statement.signer === from && job.row.stewards.includes(from))
      this.#handle(job, { type: 'statement', statement, claims: claims.map(fromWire), next }, record)
  }

  connected(peer: PeerId): void {
    this.payers.connected(peer)
    for (const job of [...this.#jobs.values()]) this.#handle(job, { type: 'connected', peer })
  }

  /** Nothing was signed for the job, and nothing will be: no money rests on what was kept of it. */
  discard(job: JobId): void {
    const { tables, persist } = this.#options
    if (tables.job(job) === undefined || tables.records(job, 'receipt').length > 0) return
    this.#drop(job)
    persist(() => tables.deleteJobSoon(job))
  }

  /** Returns the claims on which stewards and this vehicle differ, with the receipts behind them. */
  differences(job: JobId): Difference[] {
    return this.#jobs.get(job)?.receivables.differences() ?? []
  }

  stop(): void {
    for (const { callOff } of this.#jobs.values()) callOff()
  }

  /** A settled job is opened again when something is said of it: stewards that were apart may have met. */
  #jobOf(id: JobId): Job | undefined {
    const known = this.#jobs.get(id)
    if (known !== undefined) return known
    const row = this.#options.tables.job(id)
    return row && this.#reopen(row)
  }

  #reopen(row: WorkedJob): Job {
    const job = this.#open(row)
    for (const { id, ...record } of this.#options.tables.records(row.job, 'receipt')) {
      const receipt = openReceipt(record, sha256, () => true)
      const lease = this.#leaseOf(receipt.payload.lease)
      if (receipt.id !== id || lease === undefined) continue
      const paid = receipt.payload.covers.filter((place) => this.#isPaid(receipt, place))
      this.#handle(job, { type: 'signed', lease, receipt, paid })
    }
    return job
  }

  #isPaid({ id: receipt }: Verified<Receipt>, place: number): boolean {
    return this.#options.books.lastOf(subjectOf({ receipt, place }))?.kind === 'posted'
  }

  #open(row: WorkedJob): Job {
    const { self } = this.#options
    const known = this.#jobs.get(row.job)
    const { job, submitter, fleet, currency } = row
    const opened: Job = {
      row,
      receivables: known?.receivables ?? new Receivables({ job, submitter, fleet, currency, self, sha256 }),
      callOff: known?.callOff ?? (() => {}),
    }
    this.#jobs.set(job, opened)
    this.#handle(opened, { type: 'stewards', stewards: row.stewards })
    return opened
  }

  #handle(job: Job, input: ReceivablesInput, record?: SignedRecord): void {
    const nowMs = this.#options.clock.now()
    const effects = job.receivables.handle(input, nowMs)
    const claims = effects.filter(
      (effect): effect is ReceivablesEffect & LedgerInput => effect.type === 'claim',
    )
    if (claims.length > 0) this.#write(job.row.job, claims, nowMs)
    for (const effect of effects) this.#carryOut(job, effect, record)
    if (job.receivables.isSettled) this.#close(job, nowMs)
  }

  #close(job: Job, nowMs: number): void {
    const { tables, persist } = this.#options
    this.#drop(job.row.job)
    persist(() => tables.noteSettledSoon(job.row.job, nowMs))
  }

  #drop(job: JobId): void {
    this.#jobs.get(job)?.callOff()
    this.#jobs.delete(job)
    for (const lease of [...this.#leases.values()]) if (lease.job === job) this.#leases.delete(lease.id)
  }

  #carryOut(job: Job, effect: ReceivablesEffect, record: SignedRecord | undefined): void {
    const { say, after } = this.#options
    const id = job.row.job
    switch (effect.type) {
      case 'claim':
        break // written above, together
      case 'keep':
        this.#keepStatement(job, effect.statement, record!, effect.agrees)
        break
      case 'ask':
        after(() => say(effect.to, { type: 'account', job: id, before: effect.before }))
        break
      case 'show': {
        const lease = this.#options.tables.record(effect.lease)
        if (lease !== undefined)
          after(() => say(effect.to, { type: 'record', job: id, record: lease, opening: null }))
        break
      }
      case 'accounted': {
        const { statement, micros } = effect
        after(() => {
          const said = { type: 'accounted', job: id, statement, micros } as const
          const { owner, currency } = openStatement(record!, sha256, () => true).payload
          const isPayer = effect.to === job.row.stewards[0]
          say(effect.to, isPayer ? { ...said, heard: this.payers.word(job.row, owner, currency) } : said)
        })
        break
      }
      case 'wake':
        job.callOff()
        job.callOff = at(this.#options.clock, effect.atMs, () => this.#handle(job, { type: 'wake' }))
    }
  }

  #keepStatement(
    { row }: Job,
    { id, signer, payload }: Verified<Statement>,
    record: SignedRecord,
    agreed: boolean,
  ): void {
    const { tables, persist } = this.#options
    const { vehicle, owner } = payload
    const { body, signature } = record
    const kept = { job: row.job, steward: signer, vehicle, owner, id, body, signature, agreed }
    this.#sayVerified(row.job, signer, payload)
    persist(() => tables.putStatementSoon(kept))
  }

  /** Statements are cumulative: the news is what this one says beyond that steward's last. */
  #sayVerified(job: JobId, steward: PeerId, { vehicle, owner, currency, micros }: Statement): void {
    const { tables, news } = this.#options
    const last = tables
      .statements(job)
      .find((one) => one.steward === steward && one.vehicle === vehicle && one.owner === owner)
    const known = last === undefined ? 0 : openStatement(last, sha256, () => true).payload.micros
    if (micros > known) news.verified(job, steward, micros - known, currency)
  }

  #write(job: JobId, inputs: readonly LedgerInput[], nowMs: number): void {
    const { books, persist, log } = this.#options
    persist(async () => {
      for (const refusal of await books.handleSoon(inputs, nowMs))
        log.error({ job, refusal }, 'the ledger refused an entry')
    })
  }

  #keep(kind: 'manifest' | 'handover' | 'lease', job: JobId, { record, content }: Signed<unknown>): void {
    const { tables, persist } = this.#options
    const { body, signature } = record
    persist(() => tables.putRecordSoon({ id: content.id, job, kind, body, signature, extra: null }))
    if (kind === 'lease') this.#leases.set(content.id, content as Verified<Lease>)
  }

  #leaseOf(id: LeaseId): Verified<Lease> | undefined {
    const known = this.#leases.get(id)
    if (known !== undefined) return known
    const record = this.#options.tables.record(id)
    return record && openLease(record, sha256, () => true)
  }
}
