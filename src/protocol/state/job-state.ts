/**
 * A job's state: a fold of its records, apart from deciding.
 *
 * Records go in one by one, and each is judged against those that are here before it changes anything; a refused
 * record changes nothing. The outcome (the stewards, leases and claims, the verdicts and the end that stand, the
 * money that may be spent, the holders of inputs and results) is a function of the set of records that got in,
 * whatever their order. A record that comes before one that it rests on is refused, and comes again with the next
 * comparison. One that a steward signed too much gives way to what it signed before (signer-bounds.ts, job/handover.ts), and
 * so does a receipt that its lease has no need of (leased.ts), with all that rests on it: then everything is folded anew
 * without them.
 *
 * Everybody who wants to know how a job stands reads it here: the steward that acts, those that stand by, and readers.
 * The audit does not: it is written apart, from the rules alone.
 */
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import { cancellationOf, isCancellationOf } from '../job/cancellation.ts'
import type { DrawBasis } from '../job/draw.ts'
import { type Handover, type Succession, successionOf } from '../job/handover.ts'
import type { Lease } from '../job/lease.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Standing, Verdicts } from '../job/standing.ts'
import type { JobEnd, Verdict } from '../job/verdict.ts'
import type { RecordBody, Verified } from '../record/record.ts'
import { byDependency, type Checked, type JobRecord, type JobRecordKind, signedByOf } from '../records.ts'
import { type Refusal, refusalOf } from './admission.ts'
import { AgreedPlaces } from './agreed-places.ts'
import { Allowances } from './allowances.ts'
import { Counting, type Reader } from './counting.ts'
import { Decisions } from './decisions.ts'
import type { Holders } from './holders.ts'
import { byTurn, Leased, type LeasedWork } from './leased.ts'
import { type Excess, isBounded, SignerBounds } from './signer-bounds.ts'

export class JobState {
  readonly job: JobId
  readonly manifest: Manifest
  /** Use: read by everybody. Invariant: another one after the records were folded anew; so are the decisions. */
  allowances: Allowances
  /** Use: the verdicts and ends that count here. */
  decisions: Decisions
  readonly #sha256: Sha256
  readonly #records = new Map<RecordId, JobRecord>()
  readonly #signed = new Set<PeerId>()
  readonly #self: PeerId | undefined
  /** The body of the job's one cancellation; undefined: none gets in. */
  readonly #cancellation: RecordBody | undefined
  #bounds: SignerBounds
  #counting: Counting
  #leased: Leased
  #agreed: AgreedPlaces
  /** Use: leases that began or ceased to count, or whose open places changed, and that nobody has asked for yet. */
  #recounted: LeaseId[] = []
  /** Use: records whose lists of candidates may have become known, and that nobody has asked for yet. */
  #listed: RecordId[] = []
  #isRestoring = false
  #succession: Succession
  #dropped: RecordId[] = []

  constructor(job: JobId, manifest: Manifest, sha256: Sha256, reader: Reader = {}) {
    this.job = job
    this.manifest = manifest
    this.#sha256 = sha256
    this.#self = reader.self
    this.#cancellation = reader.submitter && cancellationOf(job, manifest, reader.submitter)
    this.#bounds = new SignerBounds(manifest, reader.self)
    this.allowances = new Allowances(manifest)
    this.#counting = new Counting(manifest, sha256, this.allowances, reader)
    this.#leased = this.#newLeased()
    this.#agreed = this.#agreedOf()
    this.decisions = new Decisions(manifest, sha256, this.#leased, reader)
    this.#succession = successionOf(job, manifest, [])
  }

  // --- what goes in -------------------------------------------------------------------------------------------

  /** Takes what a journal holds, in any order: what exceeds the bounds is dropped. */
  restore(records: Iterable<JobRecord>): this {
    const all = [...records].filter(({ record }) => record.job === this.job)
    this.#succession = successionOf(
      this.job,
      this.manifest,
      all.flatMap((entry) => (entry.kind === 'handover' ? [entry.record] : [])),
    )
    const bounded = all.filter(isBounded)
    const within = this.#bounds.within(
      bounded.filter(({ record }) => this.isSteward(record.signer)),
      (signer) => this.#shareOf(signer),
    )
    this.#dropped.push(...bounded.flatMap(({ record }) => (within.has(record.id) ? [] : [record.id])))
    this.#fold(all.filter((entry) => !isBounded(entry) || within.has(entry.record.id)))
    this.#recount()
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
    return refusalOf(entry, {
      job: this.job,
      sha256: this.#sha256,
      has: (id) => this.#records.has(id),
      isSteward: (peer) => this.isSteward(peer),
      leaseOf: (id) => this.#leased.get(id),
      isCancellation: (record) =>
        this.#cancellation !== undefined && isCancellationOf(record, this.#cancellation),
      follows: (handover) => this.#extended(handover) !== undefined,
      givingWay: (record) => this.#givingWay(record),
    })
  }

  /** The same record as this state keeps one: of names that are in memory, and without the bytes that were signed. */
  shared<Kind extends JobRecordKind>(entry: Checked<Kind>): Checked<Kind> {
    return this.#leased.shared(entry as JobRecord) as Checked<Kind>
  }

  /** Folds in a record that `judge` had nothing against. */
  add(opened: JobRecord): void {
    const { id } = opened.record
    if (this.#records.has(id)) return
    // One without bytes was made here, or is shared already.
    const entry = 'signed' in opened ? this.shared(opened) : opened
    this.#records.set(id, entry)
    if (signedByOf(entry.kind) === 'steward') this.#signed.add(entry.record.signer)
    if (isBounded(entry)) this.#bounds.add(entry)
    switch (entry.kind) {
      case 'handover':
        this.#succession = this.#extended(entry.record) ?? this.#succession
        break
      case 'lease':
        this.#leased.add(entry.record)
        this.#counting.lease(entry.record)
        break
      case 'allowance':
        this.allowances.apply(entry.record)
        break
      case 'receipt':
        this.#cover(entry)
        break
      case 'verdict':
        this.#leased.name(entry.record)
        this.#agreed.verdict(entry.record)
        this.decisions.verdict(entry.record)
        break
      case 'end':
        this.decisions.end(entry.record)
        break
      case 'cancellation':
        this.decisions.cancelled()
        break
      case 'window':
        this.decisions.window(entry.record)
        break
      case 'holding':
        this.holders.holds(entry.record)
        break
      case 'draw': {
        const listed = this.#counting.basis(entry.record)
        if (!this.#isRestoring) this.#listed.push(...listed)
        break
      }
      default:
        entry satisfies never
    }
    this.#recount()
  }

  /** The list of shards is on this disk, though perhaps not yet all that it names: stewards may sign for so many shards. */
  countShards(count: number): this {
    this.#bounds.knowShards(count)
    return this
  }

  /** The list of shards is here: before that, no lease of the job can be judged, and no verdict proven. */
  knowShards(shards: readonly ShardEntry[]): void {
    this.countShards(shards.length)
    this.#leased.names.knowShards(shards)
    this.#counting.knowShards(shards)
    this.#recount()
    this.decisions.knowShards(shards)
  }

  /** This node may have met more vehicles, and know whom they belong to. */
  meet(): void {
    this.#counting.meet()
    this.#recount()
  }

  /** The candidates that this draw lists leave out owners that this node knows: leases drawn from them do not count here. */
  shutOut(record: RecordId): void {
    this.#counting.shutOut(record)
    this.#recount()
  }

  /** The adverts of this list from abroad were looked at (../job/abroad.ts), and it is as it should be. */
  proveCensus(record: RecordId): void {
    this.#counting.proveCensus(record)
    this.#recount()
  }

  // --- what comes out -----------------------------------------------------------------------------------------

  get size(): number {
    return this.#records.size
  }

  /** An estimate of what these records take in memory. */
  get bytes(): number {
    return this.#bounds.bytes
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

  /** Tells whether a lease counts: one that does not makes no claim, promises no money, and holds no shard. */
  counts(lease: LeaseId): boolean {
    return this.#counting.counts(lease)
  }

  /** The leases that began or ceased to count since this was last asked, or of which other places are open (allowances.ts). */
  takeRecounted(): readonly LeaseId[] {
    return this.#recounted.splice(0)
  }

  /** The list of candidates of a draw; undefined while it cannot be made, or does not give its root. */
  candidatesOf(basis: RecordId): DrawBasis | undefined {
    return this.#counting.candidatesOf(basis)
  }

  /** The lists of candidates that may have become known since this was last asked. */
  takeListed(): RecordId[] {
    return this.#listed.splice(0)
  }

  /** The leases that count. */
  leases(): Iterable<LeasedWork> {
    return this.#leased.all()
  }

  /** The leases whose vehicles contradict themselves, whether they are paid or not. */
  equivocated(): Iterable<Verified<Lease>> {
    return this.#leased.equivocated()
  }

  /** The claim of a receipt that is here on a shard, if its lease counts. */
  claimOf(receipt: RecordId, position: number): ReturnType<Leased['claimOf']> {
    return this.#leased.claimOf(receipt, position)
  }

  /** The list of candidates from which the lease of a receipt was drawn, whether that counts or not; undefined while the receipt is not here. */
  drawnFrom(receipt: RecordId): RecordId | undefined {
    return this.#leased.under(receipt)?.payload.draw.basis
  }

  /** The lease of a receipt that is here, if it counts. */
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

  /** Owners against whom these verdicts speak, whatever money there was for their leases. */
  *contradictedBy({ outcome, contradicting }: Verdict['shards'][number]): Generator<OwnerId> {
    if (outcome !== 'accepted') return
    for (const receipt of contradicting) {
      const lease = this.#leased.under(receipt)
      if (lease === undefined) continue
      // What another steward had done out of its turn is no less a lie.
      if (this.#counting.fits(lease.id) || this.#counting.isShutOut(lease)) yield lease.payload.owner
    }
  }

  #cover(entry: Checked<'receipt'>): void {
    const { id, payload } = this.#leased.get(entry.record.payload.lease)!
    const { owner } = payload
    const isLie = this.#leased.cover(entry) && this.counts(id)
    this.#agreed.receipt(entry.record)
    const covered = this.#leased.positionsOf(entry.record)
    this.decisions.receipt(entry.record.id, covered, isLie ? owner : undefined)
  }

  #recount(): void {
    if (this.#isRestoring) return
    const leases = this.#counting.takeChanged()
    if (leases.length > 0) this.decisions.recounted(leases)
    this.#recounted.push(...new Set([...leases, ...this.allowances.takeMoved()]))
  }

  #newLeased(before?: Leased): Leased {
    return new Leased(before?.names.anew() ?? this.job, this.#counting)
  }

  #agreedOf(): AgreedPlaces {
    return new AgreedPlaces(this.#leased, (...found) => this.allowances.agree(...found))
  }

  #shareOf(steward: PeerId, { signers } = this.#succession): number {
    return signers.get(steward) ?? 0
  }

  /** The records that would have to give way to this one, or why it has to itself. */
  #givingWay(entry: JobRecord): Excess | 'too-many-receipts' | readonly RecordId[] {
    if (entry.kind === 'receipt') return this.#leased.givingWay(entry)
    if (entry.kind !== 'handover') return this.#bounds.judge(entry, this.#shareOf(entry.record.signer))
    // It may leave other handovers without room, and leave their takers less.
    const extended = this.#extended(entry.record)!
    const held = new Set(extended.handovers.map(({ id }) => id))
    const without = this.#succession.handovers.flatMap(({ id }) => (held.has(id) ? [] : [id]))
    return [...without, ...this.#bounds.beyond((signer) => this.#shareOf(signer, extended))]
  }

  /** Folds all records once more, without those that give way to this one, and all that rests on them. */
  #makeWay(entry: JobRecord): void {
    const gone = new Set(this.#givingWay(entry) as readonly RecordId[])
    if (entry.kind === 'handover') this.#succession = this.#extended(entry.record)!
    const [all, decisions] = [[...this.#records.values()], this.decisions]
    this.reset()
    this.#dropped.push(...gone)
    this.#fold(all.filter(({ record }) => !gone.has(record.id)))
    this.#recount()
    this.decisions.follow(decisions)
  }

  /** Takes records that exceed nothing, but for receipts. What rests on others that are not among them is dropped. */
  #fold(entries: readonly JobRecord[]): void {
    this.#isRestoring = true
    for (const entry of entries) if (entry.kind === 'verdict') this.#leased.name(entry.record)
    const sorted = entries.toSorted((a, b) =>
      a.kind === 'receipt' && b.kind === 'receipt' ? this.#leased.inTurn(a, b) : byDependency(a, b),
    )
    for (const entry of sorted) {
      const refusal = this.judge(entry)
      if (refusal === undefined) this.add(this.shared(entry))
      else if (refusal !== 'known') this.#dropped.push(entry.record.id)
    }
    this.#isRestoring = false
  }

  /** Empties the fold, but for the succession. */
  protected reset(): void {
    this.#records.clear()
    this.#signed.clear()
    this.#bounds = this.#bounds.anew()
    this.allowances = new Allowances(this.manifest)
    this.#counting = this.#counting.anew(this.allowances)
    this.#leased = this.#newLeased(this.#leased)
    this.#agreed = this.#agreedOf()
    this.decisions = this.decisions.anew(this.#leased)
  }

  #extended(handover: Verified<Handover>): Succession | undefined {
    if (this.#succession.handovers.includes(handover)) return this.#succession
    const extended = successionOf(this.job, this.manifest, [...this.#succession.handovers, handover])
    return extended.handovers.includes(handover) ? extended : undefined
  }
}
