/**
 * Decisions: the verdicts and ends of a job that count on this node.
 *
 * A record that its steward signed is among the job's records; whether it counts is another question. What this node signed
 * counts, since it judged for itself, and so does what the submitter's node signed: the results are the submitter's, and
 * nobody but itself is harmed by what it says of them. All else must follow from what is here (proofs.ts, ends.ts).
 * What counted once goes on counting, so that a job does not change under those who rely on it, and after the end nothing
 * counts that contradicts what stands.
 */
import { equals } from 'uint8arrays'
import type { Sha256 } from '../../base/prng.ts'
import { pushTo } from '../../base/push-to.ts'
import type { Cid, LeaseId, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Manifest } from '../job/manifest.ts'
import { enoughBy, orderOf } from '../job/order.ts'
import { acceptsAnother, type Decision, type Standing, Verdicts } from '../job/standing.ts'
import type { JobEnd, ShardVerdict, Verdict } from '../job/verdict.ts'
import type { Window } from '../job/window.ts'
import type { Verified } from '../record/record.ts'
import { ClosedWindows } from './closed-windows.ts'
import type { Reader } from './counting.ts'
import { Ends, howDecided } from './ends.ts'
import { Holders } from './holders.ts'
import type { Leased } from './leased.ts'
import type { RecordedClaim } from './proof-ground.ts'
import { Proofs } from './proofs.ts'
import type { LookedAt, WantedProof } from './sought-results.ts'
import { Voices } from './voices.ts'

/** The verdicts and ends that count since the last time. A verdict has only those of its shards for which it counts. */
export interface Counted {
  readonly verdicts: readonly Verified<Verdict>[]
  readonly ends: readonly Verified<JobEnd>[]
}

/** A verdict of another steward, and the positions for which it was found to count before this node stopped. */
export interface Recalled {
  readonly verdict: RecordId
  readonly positions: readonly number[]
}

export class Decisions {
  readonly verdicts = new Verdicts()
  readonly holders = new Holders()
  readonly #manifest: Manifest
  readonly #sha256: Sha256
  readonly #reader: Reader
  readonly #leased: Leased
  readonly #trusted: ReadonlySet<PeerId>
  readonly #proofs: Proofs
  readonly #ends: Ends
  readonly #windows = new ClosedWindows()
  readonly #recalled = new Map<RecordId, ReadonlySet<number>>()
  /** Use: by the verdicts that count, and by what owners say themselves. */
  readonly voices: Voices
  /** Use: by position, verdicts that were proven after the end, and contradicted what stood. */
  readonly #late = new Map<number, Decision[]>()
  /** Use: something changed that verdicts on other shards may rest on. */
  #isStirred = false
  #shards: readonly ShardEntry[] | null = null
  #verdictNews: Verified<Verdict>[] = []
  #endNews: Verified<JobEnd>[] = []

  constructor(manifest: Manifest, sha256: Sha256, leased: Leased, reader: Reader) {
    const { self, drawSecret } = reader
    this.#manifest = manifest
    this.#sha256 = sha256
    this.#reader = reader
    this.#leased = leased
    this.voices = new Voices((receipt) => leased.ownerOf(receipt))
    const submitter = manifest.stewards[0]!.peer
    this.#trusted = new Set(self === undefined ? [submitter] : [submitter, self])
    this.#ends = new Ends(
      (signer) => this.isTrusted(signer),
      ({ secret }) => equals(sha256(secret), manifest.drawCommitment),
      (end) => leased.hasDrawsBefore(end),
    )
    this.#proofs = new Proofs({
      ...{ manifest, sha256, drawSecret, shutOutOwner: (receipt) => leased.shutOutOwner(receipt) },
      resultOf: (receipt, position) => leased.resultOf(receipt, position),
      claimOf: (receipt, position) => leased.claimOf(receipt, position),
      claimsOn: (position) => leased.claimsOn(position),
      standing: (position) => this.standing(position),
      areEnough: enoughBy(orderOf(sha256, drawSecret, manifest)),
      hasVoice: (owner) => this.voices.has(owner),
      windowOf: (steward, owner, position) => this.#windows.of(steward, owner, position),
    })
  }

  // --- what comes in ------------------------------------------------------------------------------------------

  /** Call before the records come that a journal holds. */
  recall(recalled: Iterable<Recalled>): void {
    for (const { verdict, positions } of recalled) this.#recalled.set(verdict, new Set(positions))
  }

  /** For the records that are left when some had to go: what counts here goes on counting. */
  anew(leased: Leased): Decisions {
    const next = new Decisions(this.#manifest, this.#sha256, leased, this.#reader)
    for (const [id, positions] of this.#recalled) next.#recalled.set(id, positions)
    for (const { id, payload } of this.verdicts.records.values())
      next.#recalled.set(id, new Set(payload.shards.map(({ position }) => position)))
    next.#proofs.follow(this.#proofs)
    if (this.#shards !== null) next.knowShards(this.#shards)
    return next
  }

  /** Takes up the news of those before, and leaves out what counted then. */
  follow(before: Decisions): void {
    const pending = before.takeCounted()
    const isKnown = ({ id, payload }: Verified<Verdict>) => {
      const known = before.verdicts.records.get(id)?.payload.shards ?? []
      return payload.shards.every(({ position }) => known.some((shard) => shard.position === position))
    }
    const { verdicts, ends } = this.takeCounted()
    this.#verdictNews = [...pending.verdicts, ...verdicts.filter((verdict) => !isKnown(verdict))]
    this.#endNews = [...pending.ends, ...ends.filter(({ id }) => !before.ends.some((end) => end.id === id))]
  }

  verdict(record: Verified<Verdict>): void {
    if (this.isTrusted(record.signer)) {
      this.#count(record, record.payload.shards)
      return
    }
    const recalled = this.#recalled.get(record.id)
    const { known = [], news = [] } = Object.groupBy(record.payload.shards, ({ position }) =>
      recalled?.has(position) ? 'known' : 'news',
    )
    this.#count(record, known)
    if (news.length > 0) this.#countProven(this.#proofs.expect({ ...record, payload: { shards: news } }))
  }

  end(record: Verified<JobEnd>): void {
    if (this.#ends.add(record)) this.#endNews.push(record)
    else this.#isStirred = true
  }

  /** The submitter has cancelled the job: an end that says so may count now, whoever signed it. */
  cancelled(): void {
    this.#ends.cancelled()
    this.#isStirred = true
  }

  /** Tells whether the submitter's cancellation is here. */
  get isCancelled(): boolean {
    return this.#ends.isCancelled
  }

  window(record: Verified<Window>): void {
    this.#windows.add(record)
    this.#isStirred = true
  }

  /** A receipt came that covers these positions; or its vehicle contradicts itself thereby. */
  receipt(id: RecordId, positions: Iterable<number>, liar: OwnerId | undefined): void {
    if (liar !== undefined) this.voices.silence(liar)
    this.voices.receipt(id)
    this.#isStirred ||= this.voices.takeChanged()
    for (const position of positions) this.#countProven(this.#proofs.review(position))
  }

  /** Leases began or ceased to count: verdicts may rest on their claims, or be spoken against by them. */
  recounted(leases: Iterable<LeaseId>): void {
    for (const lease of leases) {
      const { owner, positions } = this.#leased.get(lease)?.payload ?? {}
      if (owner === undefined || positions === undefined) continue // its record is gone
      if (this.#leased.isEquivocated(lease)) this.voices.silence(owner)
      for (const receipt of this.#leased.receiptsUnder(lease)) this.voices.receipt(receipt)
      for (const position of positions) this.#countProven(this.#proofs.review(position))
      this.#isStirred = true
    }
  }

  knowShards(shards: readonly ShardEntry[]): void {
    this.#shards = shards
    this.#countProven(this.#proofs.knowShards(shards))
  }

  examined(results: readonly LookedAt[]): void {
    for (const result of results) this.#countProven(this.#proofs.examined(result))
  }

  /** Looks again at what rests on other shards, or on the time. Call it now and then. */
  review(nowMs: number): void {
    if (this.#isStirred) {
      this.#isStirred = false
      this.#countProven(this.#proofs.reviewAll())
    }
    const decided = () => howDecided(this.#manifest.shards.count, (position) => this.standing(position))
    this.#endNews.push(...this.#ends.review(decided, nowMs >= this.#manifest.deadlineMs))
  }

  /** Asks once more for results that did not come. `isAnew`: a steward is reached that may have what nobody else delivered. */
  askAgain(isAnew = false): void {
    this.#proofs.askAgain(isAnew)
  }

  // --- what comes out -----------------------------------------------------------------------------------------

  /** The results to look at, for verdicts that wait. */
  takeWanted(): WantedProof[] {
    return this.#proofs.takeWanted()
  }

  takeCounted(): Counted {
    const counted = { verdicts: this.#verdictNews, ends: this.#endNews }
    ;[this.#verdictNews, this.#endNews] = [[], []]
    return counted
  }

  /** Tells whether claims came since the last time that open a shard again. */
  takeReopened(): boolean {
    return this.#proofs.takeOpposedAnew()
  }

  /** Tells whether results are under way on which verdicts rest. */
  get isLooking(): boolean {
    return this.#proofs.isLooking
  }

  /** Tells whether results that did not come are still asked for: what rests on them may be owed, though the job has ended. */
  get isSeeking(): boolean {
    return this.#proofs.isSeeking
  }

  /** Verdicts of other stewards that do not count here, or not yet. */
  waiting(): Iterable<Decision> {
    return this.#proofs.waiting()
  }

  /** Ends that other stewards signed, and that do not follow from what is here. */
  get waitingEnds(): Iterable<Verified<JobEnd>> {
    return this.#ends.waiting
  }

  /** The claims on an open shard that are owed though it has no result, as far as they were looked at; and all others. */
  owedOn(...asked: Parameters<Proofs['owedOn']>): ReturnType<Proofs['owedOn']> {
    return this.#proofs.owedOn(...asked)
  }

  /** The claims on a shard that are here, under leases that count. */
  claimsOn(position: number): RecordedClaim[] {
    return [...this.#leased.claimsOn(position)]
  }

  /** Tells whether what this node signs counts without proof. */
  isTrusted(signer: PeerId): boolean {
    return this.#trusted.has(signer)
  }

  /** `unreachable`: the verdicts whose results nobody has any more. */
  standing(position: number, unreachable?: ReadonlySet<RecordId>): Standing {
    const opposed = this.#proofs.opposedOn(position)
    return this.verdicts.standing(position, this.#ends.standing !== undefined, unreachable, opposed)
  }

  /** All ends that count. */
  get ends(): readonly Verified<JobEnd>[] {
    return this.#ends.counting
  }

  /** The one that stands. */
  get standingEnd(): Verified<JobEnd> | undefined {
    return this.#ends.standing
  }

  #countProven(decisions: readonly Decision[]): void {
    for (const decision of decisions)
      if (this.#isTooLate(decision.verdict)) pushTo(this.#late, decision.verdict.position, decision)
      else this.#count(decision.record, [decision.verdict])
  }

  #count(record: Verified<Verdict>, shards: readonly ShardVerdict[]): void {
    if (shards.length === 0) return
    const isWhole = shards.length === record.payload.shards.length
    const counted = isWhole ? record : { ...record, payload: { shards } }
    this.verdicts.add(counted)
    this.holders.decided(counted)
    this.#verdictNews.push(counted)
    this.#isStirred = true
    for (const { position } of shards) this.#countLate(position)
    for (const { outcome, contradicting } of shards)
      if (outcome === 'accepted') for (const receipt of contradicting) this.voices.contradict(receipt)
  }

  /** The last word of the submitter's node (last-word.ts) may say what some verdict said that came too late. */
  #countLate(position: number): void {
    const late = this.#late.get(position)
    if (late === undefined) return
    this.#late.delete(position)
    this.#countProven(late)
  }

  /** Nothing counts after the end that contradicts what stands. */
  #isTooLate({ position, result }: { readonly position: number; readonly result: Cid | null }): boolean {
    return this.#ends.standing !== undefined && acceptsAnother(this.standing(position), result)
  }
}
