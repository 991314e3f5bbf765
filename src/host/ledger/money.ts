/** Answers this node's questions about money: it reads ledger, statements and receipts, and writes pay-outs. */
import type { JobId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { type Lease, openLease, openReceipt, type Receipt, unitsOwed } from '../../protocol/job/lease.ts'
import { openManifest } from '../../protocol/job/manifest.ts'
import { operatorAccount, outsideAccount, submitterAccount } from '../../protocol/ledger/account.ts'
import type { Entry } from '../../protocol/ledger/entry.ts'
import { openStatement } from '../../protocol/ledger/statement.ts'
import type { SignedRecord, Verified } from '../../protocol/record/record.ts'
import { sha256 } from '../sha256.ts'
import type { Journal } from '../store/journal.ts'
import { type AboutBill, billOf } from './billing.ts'
import type { Books } from './books.ts'
import type {
  EarningsView,
  EnergyAccount,
  JobEarnings,
  LedgerLine,
  LedgerSide,
  OperatorShare,
  Period,
  PeriodEarnings,
  ReceiptLine,
  Work,
} from './contract.ts'
import { operatorShares } from './operator-shares.ts'
import { Owed } from './owed.ts'
import type { ReceivablesDriver } from './receivables-driver.ts'
import type { LedgerTables } from './tables.ts'

export interface MoneyOptions {
  readonly self: PeerId
  readonly owner: OwnerId
  /** The submitter of its jobs, and the fleet that it is the registrar of. */
  readonly submitter: PeerId
  readonly operates: PeerId | null
  readonly store: { readonly journal: Journal; readonly books: Books; readonly ledgerTables: LedgerTables }
  readonly earnings: Pick<ReceivablesDriver, 'differences'>
  readonly energy: () => EnergyAccount
}

interface JobUnit {
  readonly unit: string
  readonly runtime: string | null
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

export class Money {
  readonly #options: MoneyOptions
  /** Use: the names of units, by job. */
  readonly #units = new Map<JobId, JobUnit>()

  constructor(options: MoneyOptions) {
    this.#options = options
  }

  /** Returns the earnings of this node's vehicle, in all and since each of these times. */
  async earnings(periods: readonly Period[]): Promise<EarningsView> {
    const { self, owner, store, earnings, energy } = this.#options
    const damagedAt = await store.books.check()
    const jobs = new Map<JobId, Mutable<JobEarnings>>()
    const currencies = new Map<string, { pending: number; owed: Owed; periods: Mutable<PeriodEarnings>[] }>()
    const seen = new Set<RecordId>()
    const currencyOf = (currency: string) => {
      const known = currencies.get(currency) ?? {
        pending: 0,
        owed: new Owed(),
        periods: periods.map((period) => ({ ...period, verifiedMicros: 0, paidMicros: 0, ...noWork })),
      }
      currencies.set(currency, known)
      return known
    }
    for (const row of store.ledgerTables.jobs())
      jobs.set(row.job, {
        job: row.job,
        submitter: row.submitter,
        currency: row.currency,
        sinceMs: row.sinceMs,
        pendingMicros: 0,
        verifiedMicros: 0,
        void: 0,
        settled: row.settledAtMs !== null,
        statements: store.ledgerTables.statements(row.job).flatMap((statement) => {
          const { signer, payload } = openStatement(statement, sha256, () => true)
          const { micros, closed } = payload
          // By the submitter's own key it says what was paid, and nothing of the work.
          return signer === row.submitter ? [] : { steward: signer, micros, closed, agreed: statement.agreed }
        }),
        differences: earnings.differences(row.job),
        ...noWork,
      })
    for (const entry of store.books.entries()) {
      const { claim, kind, atMs } = entry
      if (claim === null ? !entry.debit.endsWith(`:${self}`) : claim.vehicle !== self) continue
      const { micros } = entry.credits[0]!
      const currency = currencyOf(entry.currency)
      const since = currency.periods.filter((_, i) => atMs >= periods[i]!.sinceMs)
      if (claim === null) {
        const paid = kind === 'paid' ? micros : -micros
        currency.owed.add(entry.credits[0]!.account, -paid)
        for (const period of since) period.paidMicros += paid
        continue
      }
      const [pending, posted] = changeOf[kind]
      const job = jobs.get(claim.job)
      currency.pending += pending * micros
      currency.owed.add(entry.debit, posted * micros)
      const { unit } = this.#unitOf(claim.job)
      for (const period of since) {
        period.verifiedMicros += posted * micros
        addUnits(period, unit, posted * claim.units)
      }
      if (job !== undefined) {
        job.pendingMicros += pending * micros
        job.verifiedMicros += posted * micros
        addUnits(job, unit, posted * claim.units)
        if (kind === 'voided' || kind === 'reversed') job.void += 1
        else if (kind === 'pending' && entry.generation > 0) job.void -= 1
      }
      if (kind !== 'pending' || seen.has(claim.receipt)) continue
      seen.add(claim.receipt)
      const receipt = this.#receipt(claim.receipt)
      if (receipt === undefined) continue
      for (const work of [...since, ...(job === undefined ? [] : [job])]) addWork(work, receipt)
    }
    return {
      peer: self,
      owner,
      damagedAt,
      currencies: [...currencies].map(([currency, { pending, owed, periods }]) => ({
        currency,
        pendingMicros: pending,
        ...owed.sums(),
        periods,
      })),
      jobs: [...jobs.values()],
      energy: energy(),
    }
  }

  /** Returns the operator's share of the work of this node's vehicle. */
  operatorShares(fleet: PeerId, periods: readonly Period[]): OperatorShare[] {
    return operatorShares(this.#options.store.books.entries(), fleet, this.#options.self, periods)
  }

  /** Yields the bill of a job that this node looks after: every execution of every shard, and what it came to. */
  bill(...about: AboutBill): ReturnType<typeof billOf> {
    return billOf(this.#options.store, ...about)
  }

  *ledger(): Generator<LedgerLine> {
    for (const { hash, ...entry } of this.#options.store.books.entries())
      yield {
        ...entry,
        ...this.#countedIn(entry),
        node: this.#options.self,
        sides: this.#sidesOf(entry),
        hash: Buffer.from(hash).toString('hex'),
      }
  }

  /** All receipts that make claims of money here, with their leases: of the vehicle's own work, and of jobs looked after. */
  *receipts(): Generator<ReceiptLine> {
    const seen = new Set<RecordId>()
    for (const { claim, kind } of this.#options.store.books.entries()) {
      if (claim === null || kind !== 'pending' || seen.has(claim.receipt)) continue
      seen.add(claim.receipt)
      const signed = this.#record(claim.receipt)
      if (signed === undefined) continue // the job was forgotten; the entries stay
      const receipt = openReceipt(signed, sha256, () => true)
      const lease = this.#record(receipt.payload.lease)
      if (lease !== undefined)
        yield receiptLine(
          openLease(lease, sha256, () => true),
          lease,
          receipt,
          signed,
        )
    }
  }

  #countedIn({ claim }: Pick<Entry, 'claim'>): Pick<LedgerLine, 'unit' | 'runtime'> {
    return claim === null ? { unit: null, runtime: null } : this.#unitOf(claim.job)
  }

  /** Entries about others' money, which a standby keeps for them, are in nobody's books here. */
  #sidesOf({ debit, credits, claim }: Pick<Entry, 'debit' | 'credits' | 'claim'>): LedgerSide[] {
    const { self, submitter, operates } = this.#options
    const isOurs = (account: string) => account === operatorAccount(operates)
    const sides: LedgerSide[] = []
    if (debit === submitterAccount(submitter) || credits[0]!.account === outsideAccount(submitter))
      sides.push('submitter')
    if (claim === null ? debit.endsWith(`:${self}`) : claim.vehicle === self) sides.push('vehicle')
    if (operates !== null && (isOurs(debit) || credits.some(({ account }) => isOurs(account))))
      sides.push('operator')
    return sides
  }

  /** The unit of a job's work, and its runtime; 'unit' of a job that was forgotten. */
  #unitOf(job: JobId): JobUnit {
    const known = this.#units.get(job)
    if (known !== undefined) return known
    // A job's name is that of its manifest.
    const manifest = this.#record(job as string as RecordId)
    const payload = manifest && openManifest(manifest, sha256, () => true).payload
    const unit = { unit: payload?.payment?.unit ?? 'unit', runtime: payload?.runtime ?? null }
    this.#units.set(job, unit)
    return unit
  }

  #record(id: RecordId): SignedRecord | undefined {
    const { ledgerTables, journal } = this.#options.store
    return ledgerTables.record(id) ?? journal.get(id)
  }

  #receipt(id: RecordId): Receipt | undefined {
    const record = this.#record(id)
    return record && openReceipt(record, sha256, () => true).payload
  }
}

const noWork: Work = {
  units: {},
  receipts: 0,
  wallMs: 0,
  measuredJoules: 0,
  estimatedJoules: 0,
  receiptsWithoutEnergy: 0,
}

/** By kind of entry: the signs of its change to the pending sum, and to the verified one. */
const changeOf: Readonly<Record<Entry['kind'], readonly [number, number]>> = {
  pending: [1, 0],
  posted: [-1, 1],
  voided: [-1, 0],
  reversed: [0, -1],
  paid: [0, 0],
  unpaid: [0, 0],
}

function addUnits(work: Mutable<Work>, unit: string, count: number): void {
  if (count !== 0) work.units = { ...work.units, [unit]: (work.units[unit] ?? 0) + count }
}

function addWork(work: Mutable<Work>, { wallMs, energy }: Receipt): void {
  work.receipts += 1
  work.wallMs += wallMs
  if (energy === null) work.receiptsWithoutEnergy += 1
  else if (energy.basis === 'measured') work.measuredJoules += energy.joules
  else work.estimatedJoules += energy.joules
}

function receiptLine(
  lease: Verified<Lease>,
  signedLease: SignedRecord,
  { id, payload, job }: Verified<Receipt>,
  signedReceipt: SignedRecord,
): ReceiptLine {
  const { vehicle, owner, price } = lease.payload
  const { covers, cpuMs, wallMs, energy } = payload
  return {
    job: job!,
    receipt: id,
    lease: lease.id,
    vehicle,
    owner,
    covers,
    units: covers.reduce((sum, place) => sum + unitsOwed(lease.payload, payload, place), 0),
    currency: price!.currency,
    unitMicros: price!.unitMicros,
    per: price!.per ?? 1,
    operatorPpm: price!.operatorPpm,
    cpuMs,
    wallMs,
    energy,
    signed: { lease: base64(signedLease), receipt: base64(signedReceipt) },
  }
}

function base64({ body, signature }: SignedRecord) {
  return {
    body: Buffer.from(body).toString('base64'),
    signature: Buffer.from(signature).toString('base64'),
  }
}
