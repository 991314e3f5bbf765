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
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { Allowances } from '../job/allowance.ts'
import { type Handover, type Succession, successionOf } from '../job/handover.ts'
import { checkReceipt, type Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Standing, Verdicts } from '../job/standing.ts'
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
import { Decisions, type Reader } from './decisions.ts'
import type { Holders } from './holders.ts'
import { byTurn, Leased, type LeasedWork } from './leased.ts'
import type { Refusal } from './refusal.ts'
import { type Excess, SignerBounds } from './signer-bounds.ts'

export class JobState {
  readonly job: JobId
  readonly manifest: Manifest
  /** Use: read by everybody. Invariant: another one after the records were folded anew; so are the decisions. */
  allowances: Allowances
  /** Use: the verdicts and ends that count here. */
  decisions: Decisions
  readonly #sha256: Sha256
  readonly #self: PeerId | undefined
  readonly #records = new Map<RecordId, JobRecord>()
  readonly #signed = new Set<PeerId>()
  #bounds: SignerBounds
  #leased = new Leased()
  #succession: Succession
  #dropped: RecordId[] = []

  constructor(job: JobId, manifest: Manifest, sha256: Sha256, reader: Reader = {}) {
    this.job = job
    this.manifest = manifest
    this.#sha256 = sha256
    this.#self = reader.self
    this.#bounds = new SignerBounds(manifest, reader.self)
    this.allowances = new Allowances(manifest)
    this.decisions = new Decisions(manifest, sha256, this.#leased, reader)
    this.#succession = successionOf(job, manifest, [])
  }

  /** Takes what a journal holds, in any order. */
  restore(records: Iterable<JobRecord>): this {
    for (const entry of [...records].sort(byDependency)) this.admitFirst(entry)
    return this
  }

  /** As `admit`; where others have to give way, they do. */
  admitFirst(entry: JobRecord): boolean {
    const refusal = this.judge(entry)
    if (refusal === 'gives-way') this.#makeWay(entry)
    else if (refusal !== undefined) return false
    this.add(entry)
    return true
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
    if (entry.kind === 'receipt') {
      const lease = this.#leased.get(entry.record.payload.lease)
      if (lease === undefined) return 'without-lease'
      checkReceipt(this.#sha256, lease, entry.record, entry.opening)
      if (this.#leased.surplus(entry) === entry) return 'too-many-receipts'
    }
    if (entry.kind === 'handover' && this.#extended(entry.record) === undefined) return 'without-predecessor'
    if (
      entry.kind === 'holding' &&
      !entry.record.payload.verdicts.every((id) => this.get(id)?.kind === 'verdict')
    )
      return 'without-verdict'
    const givingWay = this.#givingWay(entry)
    if (typeof givingWay === 'string') return givingWay
    return givingWay.length > 0 ? 'gives-way' : undefined
  }

  /** Folds in a record that `judge` had nothing against. */
  add(entry: JobRecord): void {
    const { id } = entry.record
    if (this.#records.has(id)) return
    // Without the bytes that were signed: they are in the journal.
    this.#records.set(id, checked(entry.kind, entry.record, entry.opening))
    if (entry.kind !== 'handover') this.#bounds.add(entry, ...this.#accountOf(entry))
    if (signedByOf(entry.kind) === 'steward') this.#signed.add(entry.record.signer)
    switch (entry.kind) {
      case 'handover':
        this.#succession = this.#extended(entry.record) ?? this.#succession
        break
      case 'lease':
        this.#leased.add(entry.record)
        this.allowances.lease(entry.record)
        break
      case 'allowance':
        this.allowances.apply(entry.record)
        break
      case 'receipt':
        this.#cover(entry)
        break
      case 'verdict':
        this.decisions.verdict(entry.record)
        break
      case 'end':
        this.decisions.end(entry.record)
        break
      case 'window':
        this.decisions.window(entry.record)
        break
      case 'holding':
        this.holders.holds(entry.record)
        break
      case 'draw':
        break // known by its record
    }
  }

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
    return this.#dropped.splice(0).filter((id) => !this.has(id))
  }

  /** Returns the amount of the job's budget that a steward may still promise. */
  freeOf(steward: PeerId): Micros {
    return this.allowances.freeOf(steward)
  }

  leases(): Iterable<LeasedWork> {
    return this.#leased.all()
  }

  /** The lease of a receipt that is here. */
  leaseOf(receipt: RecordId): Lease | undefined {
    return this.#leased.ofReceipt(receipt)?.payload
  }

  /** Tells whether a steward may go on leasing, and still has room for what follows from it. */
  hasRoomToLease(steward: PeerId): boolean {
    return this.#bounds.hasRoomToLease(steward, this.#shareOf(steward))
  }

  /** Returns the outcome of all verdicts on a shard; `unreachable` are those whose results nobody has any more. */
  standing(position: number, unreachable?: ReadonlySet<RecordId>): Standing {
    return this.decisions.standing(position, unreachable)
  }

  /** The verdicts that count. */
  get verdicts(): Verdicts {
    return this.decisions.verdicts
  }

  /** Tells whether a verdict counts for all its shards. */
  isWhole(verdict: RecordId): boolean {
    const entry = this.#records.get(verdict)
    const counted = this.verdicts.records.get(verdict)?.payload.shards.length
    return entry?.kind === 'verdict' && entry.record.payload.shards.length === counted
  }

  get holders(): Holders {
    return this.decisions.holders
  }

  /** The end that counts. */
  end(): Verified<JobEnd> | undefined {
    return this.decisions.standingEnd
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
    const { owner, positions } = this.#leased.get(entry.record.payload.lease)!.payload
    const isLie = this.#leased.cover(entry)
    const covered = entry.record.payload.covers.map((place) => positions[place]!)
    this.decisions.receipt(entry.record.id, covered, isLie ? owner : undefined)
  }

  #shareOf(steward: PeerId): number {
    return this.#succession.signers.get(steward) ?? 0
  }

  /** The steward to whose bound a record counts, and the serial under which it does: of a receipt, those of its lease. */
  #accountOf(entry: JobRecord): [PeerId, number] {
    const { signer, serial } =
      entry.kind === 'receipt' ? this.#leased.get(entry.record.payload.lease)! : entry.record
    return [signer, serial]
  }

  /** The records that would have to give way to this one. */
  #givingWay(entry: JobRecord): Excess | readonly RecordId[] {
    if (entry.kind === 'handover') {
      const held = new Set(this.#extended(entry.record)!.handovers)
      return this.#succession.handovers.flatMap((other) => (held.has(other) ? [] : [other.id]))
    }
    const surplus = entry.kind === 'receipt' ? this.#leased.surplus(entry) : undefined
    const [signer, serial] = this.#accountOf(entry)
    const others = this.#bounds.judge(entry, signer, serial, this.#shareOf(signer))
    return surplus === undefined || typeof others === 'string' ? others : [...others, surplus.record.id]
  }

  /** Folds all records once more, without those that give way to this one, and all that rests on them. */
  #makeWay(entry: JobRecord): void {
    const gone = new Set(this.#givingWay(entry) as readonly RecordId[])
    if (entry.kind === 'handover') this.#succession = this.#extended(entry.record)!
    const [all, decisions] = [[...this.#records.values()].sort(byDependency), this.decisions]
    this.reset()
    for (const other of all)
      if (gone.has(other.record.id) || !this.admit(other)) this.#dropped.push(other.record.id)
    this.decisions.follow(decisions)
  }

  /** Empties the fold, but for the succession. */
  protected reset(): void {
    this.#records.clear()
    this.#signed.clear()
    this.#bounds = new SignerBounds(this.manifest, this.#self)
    this.#leased = new Leased()
    this.allowances = new Allowances(this.manifest)
    this.decisions = this.decisions.anew(this.#leased)
  }

  #extended(handover: Verified<Handover>): Succession | undefined {
    const extended = successionOf(this.job, this.manifest, [...this.#succession.handovers, handover])
    return extended.handovers.includes(handover) ? extended : undefined
  }
}
