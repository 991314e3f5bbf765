/** The money of simulated nodes: carries out what payables and receivables decide, as src/host/ledger does in the real world. */
import { impossible } from '../base/assert.ts'
import type { JobId, LeaseId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Lease, Receipt } from '../protocol/job/lease.ts'
import {
  type ClaimRecord,
  decidedClaims,
  type JudgeOfLeases,
  type PaidJob,
} from '../protocol/ledger/claims.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import { MemoryBooks } from '../protocol/ledger/memory-books.ts'
import { Payables, type PayablesEffect, type PayablesInput } from '../protocol/ledger/payables.ts'
import { Receivables, type ReceivablesInput } from '../protocol/ledger/receivables.ts'
import {
  fromWire,
  ledgerClaim,
  pageOf,
  type StatedClaim,
  type Statement,
  totalsOf,
} from '../protocol/ledger/statement.ts'
import type { Verified } from '../protocol/record/record.ts'
import { bodyOf } from '../protocol/records.ts'
import type { Counted } from '../protocol/state/decisions.ts'
import { cheapHash } from './chance.ts'
import type { SimJob } from './sim-job.ts'

export interface SimStatement {
  readonly statement: Verified<Statement>
  readonly claims: readonly StatedClaim[]
  readonly next: number | null
}

interface Shell {
  readonly peer: PeerId
  /** An entry is to be durable. */
  readonly write: (entry: Entry) => void
  readonly wake: (atMs: number, happen: () => void) => void
}

/** Undefined for a job that pays nobody. */
function paidJobOf({ manifest }: SimJob): PaidJob | undefined {
  const { fleet, payment } = manifest.payload
  if (payment === null) return undefined
  return { job: manifest.id, submitter: manifest.signer, fleet, currency: payment.currency }
}

export interface StewardShell extends Shell {
  readonly state: (to: PeerId, said: SimStatement) => void
}

/** The records of a job that money follows from, and who judges its leases. */
export interface Judged {
  readonly money: readonly ClaimRecord[]
  readonly judge: JudgeOfLeases
}

export class StewardMoney {
  readonly #shell: StewardShell
  readonly #books = new MemoryBooks(cheapHash)
  readonly #jobs = new Map<JobId, Payables>()
  #serial: number

  /** `entries`: those that the disk still has. `serial`: above all that this node's statements had before. */
  constructor(shell: StewardShell, entries: Iterable<Entry>, serial: number) {
    this.#shell = shell
    this.#serial = serial
    this.#books.restore(entries)
  }

  begin(job: SimJob, { money, judge }: Judged, nowMs: number): void {
    const paid = paidJobOf(job)
    if (paid === undefined) return
    const payables = new Payables({ ...paid, judge, self: this.#shell.peer, shards: job.shards.length })
    this.#jobs.set(job.manifest.id, payables)
    this.tell(job.manifest.id, { type: 'restored', records: money }, nowMs)
  }

  counted(job: JobId, counted: Counted, nowMs: number): void {
    for (const record of decidedClaims(counted)) this.tell(job, { type: 'record', record }, nowMs)
  }

  tell(job: JobId, input: PayablesInput, nowMs: number): void {
    for (const effect of this.#handle(job, input, nowMs))
      if (effect.type === 'state') this.#shell.state(effect.vehicle, this.#stated(job, effect))
      else if (effect.type === 'wake')
        this.#shell.wake(effect.atMs, () => this.tell(job, { type: 'wake' }, Math.max(nowMs, effect.atMs)))
  }

  tellAll(input: PayablesInput, nowMs: number): void {
    for (const job of this.#jobs.keys()) this.tell(job, input, nowMs)
  }

  /** Returns its answer to this vehicle, were nothing lost. */
  answer(job: JobId, from: PeerId, before: number | null, nowMs: number): SimStatement[] {
    return this.#handle(job, { type: 'ask', from, before }, nowMs).flatMap((effect) =>
      effect.type === 'state' && effect.vehicle === from ? [this.#stated(job, effect)] : [],
    )
  }

  #handle(job: JobId, input: PayablesInput, nowMs: number): PayablesEffect[] {
    const effects = this.#jobs.get(job)?.handle(input, nowMs) ?? []
    for (const effect of effects)
      if (effect.type === 'claim')
        for (const written of this.#books.handle(effect, nowMs))
          if (written.type === 'append') this.#shell.write(written.entry)
    return effects
  }

  #stated(
    job: JobId,
    { vehicle, owner, closed, before }: Extract<PayablesEffect, { type: 'state' }>,
  ): SimStatement {
    const claims = [...this.#books.standing()]
      .filter(({ claim }) => claim?.job === job && claim.vehicle === vehicle && claim.owner === owner)
      .flatMap((entry) => ledgerClaim(entry) ?? [])
    const { peer } = this.#shell
    const totals = totalsOf(cheapHash, claims)
    const serial = this.#serial
    this.#serial += 1
    const payload = { vehicle, owner, currency: 'EUR', closed, paidMicros: 0, ...totals }
    const fields = { job, steward: peer, signer: peer, serial, expiresMs: Number.MAX_SAFE_INTEGER, payload }
    const statement = { ...bodyOf('statement', fields), id: `${peer}/${serial}` as RecordId }
    const page = pageOf(claims, before)
    return { statement, claims: page.claims.map(fromWire), next: page.next }
  }
}

export interface VehicleShell extends Shell {
  readonly ask: (to: PeerId, job: JobId, before: number | null) => void
  readonly show: (to: PeerId, lease: LeaseId) => void
  readonly accounted: (to: PeerId, job: JobId, statement: RecordId, micros: number) => void
}

export class VehicleMoney {
  readonly #shell: VehicleShell
  readonly #books = new MemoryBooks(cheapHash)
  readonly #jobs = new Map<JobId, Receivables>()

  constructor(shell: VehicleShell, entries: Iterable<Entry>) {
    this.#shell = shell
    this.#books.restore(entries)
  }

  took(job: SimJob, stewards: readonly PeerId[], nowMs: number): void {
    const paid = paidJobOf(job)
    if (paid === undefined) return
    const id = job.manifest.id
    if (!this.#jobs.has(id))
      this.#jobs.set(id, new Receivables({ ...paid, self: this.#shell.peer, sha256: cheapHash }))
    this.#tell(id, { type: 'stewards', stewards }, nowMs)
  }

  signed(lease: Verified<Lease>, receipt: Verified<Receipt>, nowMs: number): void {
    const paid = receipt.payload.covers.filter(
      (place) => this.#books.lastOf(`${receipt.id}/${place}`)?.kind === 'posted',
    )
    this.#tell(receipt.job!, { type: 'signed', lease, receipt, paid }, nowMs)
  }

  hear({ statement, claims, next }: SimStatement, nowMs: number): void {
    this.#tell(statement.job!, { type: 'statement', statement, claims, next }, nowMs)
  }

  connected(peer: PeerId, nowMs: number): void {
    for (const job of this.#jobs.keys()) this.#tell(job, { type: 'connected', peer }, nowMs)
  }

  worksFor(job: JobId): boolean {
    return this.#jobs.has(job)
  }

  /** Asks this steward as often as it takes, with nothing lost. */
  reconcile(job: JobId, ask: (before: number | null) => SimStatement[], nowMs: number): void {
    const asks: (number | null)[] = [null]
    for (let before = asks.shift(); before !== undefined; before = asks.shift())
      for (const { statement, claims, next } of ask(before))
        this.#tell(job, { type: 'statement', statement, claims, next }, nowMs, (again) => asks.push(again))
  }

  #tell(
    job: JobId,
    input: ReceivablesInput,
    nowMs: number,
    ask = (before: number | null, to: PeerId): unknown => this.#shell.ask(to, job, before),
  ): void {
    for (const effect of this.#jobs.get(job)?.handle(input, nowMs) ?? [])
      switch (effect.type) {
        case 'claim':
          for (const written of this.#books.handle(effect, nowMs))
            if (written.type === 'append') this.#shell.write(written.entry)
          break
        case 'ask':
          ask(effect.before, effect.to)
          break
        case 'show':
          this.#shell.show(effect.to, effect.lease)
          break
        case 'accounted':
          this.#shell.accounted(effect.to, job, effect.statement, effect.micros)
          break
        case 'wake':
          this.#shell.wake(effect.atMs, () => this.#tell(job, { type: 'wake' }, Math.max(nowMs, effect.atMs)))
          break
        case 'keep':
          break // statements are asked for again after a crash
        default:
          impossible(effect)
      }
  }
}
