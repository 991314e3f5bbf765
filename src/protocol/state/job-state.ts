/**
 * A job's state: a fold of its records, apart from deciding.
 *
 * Records go in one by one, and each is judged against those that are here before it changes anything; a refused
 * record changes nothing. The outcome (the stewards, leases and claims, the verdicts and the end that stand, the
 * money that may be spent, the holders of inputs and results) is a function of the set of records that got in,
 * whatever their order. A record that comes before one that it rests on is refused, and comes again with the next
 * comparison. One that a steward signed too much gives way to what it signed before (job/handover.ts), with all that rests on
 * it: then everything is folded anew without them.
 *
 * Everybody who wants to know how a job stands reads it here: the steward that acts, those that stand by, and readers.
 * The audit does not: it is written apart, from the rules alone.
 */
import { compareText } from '../../base/bytes.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { Allowances } from '../job/allowance.ts'
import { type Handover, type Succession, successionOf } from '../job/handover.ts'
import { checkReceipt, type Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import { type Standing, standingEnd, Verdicts } from '../job/standing.ts'
import type { JobEnd, Verdict } from '../job/verdict.ts'
import type { Micros } from '../price.ts'
import type { Verified } from '../record/record.ts'
import {
  byDependency,
  type Checked,
  checked,
  type JobRecord,
  type JobRecordKind,
  signedByOf,
} from '../records.ts'
import { Holders } from './holders.ts'

/** Why a record does not get in. */
export type Refusal =
  | 'known'
  | 'of-another-job'
  | 'not-by-a-steward'
  /** Its lease is not here; perhaps it only comes later. */
  | 'without-lease'
  /** It follows from no handover that is here, and not from the manifest. */
  | 'without-predecessor'

/** The claims of one lease's receipts for one place in it. */
interface Covered {
  /** Use: the claim that counts. Invariant: of all that came, the first in the order of (epoch, signer, serial, id). */
  first: Checked<'receipt'>
  result: Cid
}

interface Leased {
  readonly record: Verified<Lease>
  /** By place. */
  readonly covered: Map<number, Covered>
  receipts: number
  /** Two receipts say different things of one place. */
  equivocated: boolean
}

export class JobState {
  readonly job: JobId
  readonly manifest: Manifest
  readonly #sha256: Sha256
  readonly #records = new Map<RecordId, JobRecord>()
  readonly #leases = new Map<LeaseId, Leased>()
  readonly #signed = new Set<PeerId>()
  /** Use: read by everybody. Invariant: new ones whenever the records are folded anew. */
  allowances: Allowances
  verdicts = new Verdicts()
  holders = new Holders()
  #ends: Verified<JobEnd>[] = []
  #succession: Succession
  #dropped: RecordId[] = []

  constructor(job: JobId, manifest: Manifest, sha256: Sha256) {
    this.job = job
    this.manifest = manifest
    this.#sha256 = sha256
    this.allowances = new Allowances(manifest)
    this.#succession = successionOf(job, manifest, [])
  }

  // --- what goes in -------------------------------------------------------------------------------------------

  /** Takes what a journal holds, in any order. */
  restore(records: Iterable<JobRecord>): this {
    for (const entry of [...records].sort(byDependency)) this.admit(entry)
    return this
  }

  /** True when the record got in. Throws ProtocolError for a receipt that lies about its lease. */
  admit(entry: JobRecord): boolean {
    if (this.judge(entry) !== undefined) return false
    this.add(entry)
    return true
  }

  /** Judges a record against those that are here. Throws ProtocolError for a receipt that lies about its lease. */
  judge(entry: JobRecord): Refusal | undefined {
    const { record } = entry
    if (this.#records.has(record.id)) return 'known'
    if (record.job !== this.job) return 'of-another-job'
    if (signedByOf(entry.kind) === 'steward' && !this.isSteward(record.signer)) return 'not-by-a-steward'
    switch (entry.kind) {
      case 'receipt': {
        const lease = this.#leases.get(entry.record.payload.lease)
        if (lease === undefined) return 'without-lease'
        checkReceipt(this.#sha256, lease.record, entry.record, entry.opening)
        return undefined
      }
      case 'handover':
        return this.#extended(entry.record) === undefined ? 'without-predecessor' : undefined
      case 'draw':
      case 'lease':
      case 'allowance':
      case 'window':
      case 'verdict':
      case 'holding':
      case 'end':
        return undefined
    }
  }

  /** Folds in a record that `judge` had nothing against. */
  add(entry: JobRecord): void {
    const { id } = entry.record
    if (this.#records.has(id)) return
    // Without the bytes that were signed: they are in the journal.
    this.#records.set(id, checked(entry.kind, entry.record, entry.opening))
    if (signedByOf(entry.kind) === 'steward') this.#signed.add(entry.record.signer)
    switch (entry.kind) {
      case 'handover':
        this.#succeed(this.#extended(entry.record) ?? this.#succession)
        break
      case 'lease':
        this.#leases.set(id, { record: entry.record, covered: new Map(), receipts: 0, equivocated: false })
        this.allowances.lease(entry.record)
        break
      case 'allowance':
        this.allowances.apply(entry.record)
        break
      case 'receipt':
        this.#cover(entry)
        break
      case 'verdict':
        this.verdicts.add(entry.record)
        this.holders.decided(entry.record)
        break
      case 'end':
        this.#ends.push(entry.record)
        break
      case 'holding':
        this.holders.holds(entry.record)
        break
      case 'draw':
      case 'window':
        break // known by their records
    }
  }

  // --- what comes out -----------------------------------------------------------------------------------------

  get size(): number {
    return this.#records.size
  }

  has(id: RecordId): boolean {
    return this.#records.has(id)
  }

  get(id: RecordId): JobRecord | undefined {
    return this.#records.get(id)
  }

  all(): Iterable<JobRecord> {
    return this.#records.values()
  }

  /** All records of a kind, in an order that is the same on every steward: by epoch, signer, serial and id. */
  inTurn<Kind extends JobRecordKind>(kind: Kind): Checked<Kind>[] {
    const some = [...this.#records.values()].filter((entry) => entry.kind === kind)
    return (some as Checked<Kind>[]).sort(byTurn)
  }

  get succession(): Succession {
    return this.#succession
  }

  /** Tells whether this node may sign records of the job. */
  isSteward(peer: PeerId): boolean {
    return this.#succession.signers.has(peer)
  }

  /** Tells whether this steward has signed any record that is here. */
  hasSigned(peer: PeerId): boolean {
    return this.#signed.has(peer)
  }

  /** Returns the records that had to go since this was last asked: nobody keeps them. */
  takeDropped(): RecordId[] {
    return this.#dropped.splice(0)
  }

  /** Returns the amount of the job's budget that a steward may still promise. */
  freeOf(steward: PeerId): Micros {
    return this.allowances.freeOf(steward)
  }

  leases(): Iterable<{
    readonly record: Verified<Lease>
    readonly covered: ReadonlyMap<number, Covered>
    readonly equivocated: boolean
  }> {
    return this.#leases.values()
  }

  /** The lease of a receipt that is here. */
  leaseOf(receipt: RecordId): Lease | undefined {
    const entry = this.#records.get(receipt)
    return entry?.kind === 'receipt'
      ? this.#leases.get(entry.record.payload.lease)?.record.payload
      : undefined
  }

  /** How many receipts of this lease are here. */
  receiptsOf(lease: LeaseId): number {
    return this.#leases.get(lease)?.receipts ?? 0
  }

  /** Returns the outcome of all verdicts on a shard; `unreachable` are those whose results nobody has any more. */
  standing(position: number, unreachable?: ReadonlySet<RecordId>): Standing {
    return this.verdicts.standing(position, this.#ends.length > 0, unreachable)
  }

  /** The end that counts. */
  end(): Verified<JobEnd> | undefined {
    return standingEnd(this.#ends)
  }

  /** Owners against whom these verdicts speak. */
  *contradictedBy({ outcome, contradicting }: Verdict['shards'][number]): Generator<OwnerId> {
    if (outcome !== 'accepted') return
    for (const receipt of contradicting) {
      const lease = this.leaseOf(receipt)
      if (lease !== undefined) yield lease.owner
    }
  }

  #cover(entry: Checked<'receipt'>): void {
    const lease = this.#leases.get(entry.record.payload.lease)!
    lease.receipts += 1
    entry.record.payload.covers.forEach((place, i) => {
      const result = entry.opening.results[i]!
      const known = lease.covered.get(place)
      if (known === undefined) lease.covered.set(place, { first: entry, result })
      else {
        if (known.result !== result) lease.equivocated = true
        if (byTurn(entry, known.first) < 0) Object.assign(known, { first: entry, result })
      }
    })
  }

  /** A handover that comes later may leave others without room, and their takers without a right to sign. */
  #succeed(succession: Succession): void {
    const before = this.#succession
    this.#succession = succession
    const held = new Set(succession.handovers.map(({ id }) => id))
    if (before.handovers.every(({ id }) => held.has(id))) return
    const all = [...this.#records.values()].sort(byDependency)
    this.reset()
    this.#dropped.push(...all.flatMap((entry) => (this.admit(entry) ? [] : [entry.record.id])))
  }

  /** Empties the fold, but for the succession. */
  protected reset(): void {
    this.#records.clear()
    this.#leases.clear()
    this.#signed.clear()
    this.allowances = new Allowances(this.manifest)
    this.verdicts = new Verdicts()
    this.holders = new Holders()
    this.#ends = []
  }

  #extended(handover: Verified<Handover>): Succession | undefined {
    const extended = successionOf(this.job, this.manifest, [...this.#succession.handovers, handover])
    return extended.handovers.includes(handover) ? extended : undefined
  }
}

function byTurn({ record: a }: { readonly record: Verified }, { record: b }: { readonly record: Verified }) {
  return (
    a.epoch - b.epoch || compareText(a.signer, b.signer) || a.serial - b.serial || compareText(a.id, b.id)
  )
}
