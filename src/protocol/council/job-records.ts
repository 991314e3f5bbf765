import type { JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import { Allowances } from '../job/allowance.ts'
import { type Handover, type Succession, successionOf } from '../job/handover.ts'
import type { Holding } from '../job/holding.ts'
import { checkReceipt, type Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import type { JobEnd, Verdict } from '../job/verdict.ts'
import type { Micros } from '../price.ts'
import type { Sha256 } from '../record/block.ts'
import type { Verified } from '../record/record.ts'
import { RecordTrie } from '../record/record-trie.ts'
import { checked, type JobRecord, signedByOf } from '../records.ts'

export class JobRecords {
  readonly trie: RecordTrie
  readonly #job: JobId
  readonly #manifest: Manifest
  readonly #sha256: Sha256
  readonly #records = new Map<RecordId, JobRecord>()
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  /** How many of each lease. */
  readonly #receipts = new Map<LeaseId, number>()
  readonly #verdicts = new Map<RecordId, Verified<Verdict>>()
  readonly #ends: Verified<JobEnd>[] = []
  readonly #heldBy = new Map<RecordId, Set<PeerId>>()
  /** Verdicts of which nobody but who made them has the results. */
  readonly #unheld = new Set<RecordId>()
  /** Positions of a verdict that later ones settle. */
  readonly #settled = new Map<RecordId, Set<number>>()
  readonly #holdInputs = new Set<PeerId>()
  readonly #allowances: Allowances
  #succession: Succession

  constructor(job: JobId, manifest: Manifest, sha256: Sha256) {
    this.#job = job
    this.#manifest = manifest
    this.#sha256 = sha256
    this.trie = new RecordTrie(sha256)
    this.#allowances = new Allowances(manifest)
    this.#succession = successionOf(job, manifest, [])
  }

  get succession(): Succession {
    return this.#succession
  }

  /** What a steward may still promise of the job's budget. */
  freeOf(steward: PeerId): Micros {
    return this.#allowances.freeOf(steward)
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

  verdicts(): ReadonlyMap<RecordId, Verified<Verdict>> {
    return this.#verdicts
  }

  /** Complete before cancelled before failed, then the lowest (epoch, id): the same on every steward. */
  end(): Verified<JobEnd> | undefined {
    return this.#ends.length === 0 ? undefined : this.#ends.reduce((a, b) => (precedes(b, a) ? b : a))
  }

  holdsInputs(steward: PeerId): boolean {
    return this.#holdInputs.has(steward)
  }

  /** Those who say that they have the results of this verdict. */
  holdersOf(verdict: RecordId): ReadonlySet<PeerId> {
    return this.#heldBy.get(verdict) ?? new Set()
  }

  /** Verdicts whose results are on one disk only. */
  get unheld(): ReadonlySet<RecordId> {
    return this.#unheld
  }

  /** Whether later verdicts settle all that this one accepts. */
  isSettled(id: RecordId): boolean {
    const settled = this.#settled.get(id)
    const verdict = this.#verdicts.get(id)
    if (settled === undefined || verdict === undefined) return false
    return verdict.payload.shards.every(
      ({ outcome, position }) => outcome === 'failed' || settled.has(position),
    )
  }

  /** Whether this node may sign records of the job. */
  isSteward(peer: PeerId): boolean {
    return this.#succession.signers.has(peer)
  }

  /** Whether it is one of those that act in turn: a taker beside the bound of handovers is not. */
  hasPlace(peer: PeerId): boolean {
    return this.#succession.stewards.some((steward) => steward.peer === peer)
  }

  /**
   * True when the record is new and belongs to the job. False for one that is known, or rests on what is not here.
   * Throws ProtocolError for a receipt that lies about its lease. `isChecked`: a receipt was compared with its lease.
   */
  admit(entry: JobRecord, isChecked = false): boolean {
    const { record } = entry
    if (this.#records.has(record.id) || record.job !== this.#job) return false
    if (entry.kind === 'receipt') {
      const lease = this.#leases.get(entry.record.payload.lease)
      if (lease === undefined) return false
      if (!isChecked) checkReceipt(this.#sha256, lease, entry.record, entry.opening)
    } else if (signedByOf(entry.kind) !== 'steward' || !this.isSteward(record.signer)) return false
    if (entry.kind === 'handover' && !this.#extend(entry.record)) return false
    // Without the bytes that were signed: they are in the journal.
    this.#records.set(record.id, checked(entry.kind, record, entry.opening))
    this.trie.add(record.id)
    if (entry.kind === 'receipt') {
      const { lease } = entry.record.payload
      this.#receipts.set(lease, (this.#receipts.get(lease) ?? 0) + 1)
    }
    if (entry.kind === 'lease') {
      this.#leases.set(record.id, entry.record)
      this.#allowances.lease(entry.record)
    } else if (entry.kind === 'allowance') this.#allowances.apply(entry.record)
    else if (entry.kind === 'verdict') {
      this.#verdicts.set(record.id, entry.record)
      if (!this.#isHeldElsewhere(entry.record)) this.#unheld.add(record.id)
      this.#settle(entry.record.payload)
    } else if (entry.kind === 'end') this.#ends.push(entry.record)
    else if (entry.kind === 'holding') this.#hold(entry.record)
    return true
  }

  /**
   * As many as an honest vehicle and a contradiction can need. It binds what vehicles say; between stewards what one has,
   * all get, or they would compare their records for ever.
   */
  hasEnoughReceipts(lease: LeaseId): boolean {
    const shards = this.#leases.get(lease)?.payload.shards.length ?? 0
    return (this.#receipts.get(lease) ?? 0) > shards
  }

  #extend(handover: Verified<Handover>): boolean {
    const extended = successionOf(this.#job, this.#manifest, [...this.#succession.handovers, handover])
    if (!extended.handovers.includes(handover)) return false
    this.#succession = extended
    return true
  }

  #hold({ signer, payload }: Verified<Holding>): void {
    if (payload.inputs) this.#holdInputs.add(signer)
    for (const verdict of payload.verdicts) {
      const holders = this.#heldBy.get(verdict)
      if (holders === undefined) this.#heldBy.set(verdict, new Set([signer]))
      else holders.add(signer)
      if (this.#verdicts.get(verdict)?.signer !== signer) this.#unheld.delete(verdict)
    }
  }

  #settle({ shards }: Verdict): void {
    for (const { position, settles } of shards)
      for (const id of settles) {
        const positions = this.#settled.get(id)
        if (positions === undefined) this.#settled.set(id, new Set([position]))
        else positions.add(position)
      }
  }

  #isHeldElsewhere({ id, signer }: Verified<Verdict>): boolean {
    return [...this.holdersOf(id)].some((holder) => holder !== signer)
  }
}

const endRank = { complete: 0, cancelled: 1, failed: 2 } as const

function precedes(a: Verified<JobEnd>, b: Verified<JobEnd>): boolean {
  const byOutcome = endRank[a.payload.outcome] - endRank[b.payload.outcome]
  if (byOutcome !== 0) return byOutcome < 0
  return a.epoch !== b.epoch ? a.epoch < b.epoch : a.id < b.id
}
