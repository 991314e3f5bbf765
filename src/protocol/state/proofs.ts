/**
 * Proofs: the verdicts of other stewards, until what they say follows from what is here.
 *
 * A steward is one more peer that may lie. Its verdict counts once this node could have given it, too: every receipt that
 * it counts for the result is here, of distinct owners, under leases that count; their results were fetched and examined
 * here; and the tally of all claims that are known here, of those as well that it does not name, accepts the result that it
 * names. Under audits its windows are checked as the draw secret says, and each check counts once its claims do.
 *
 * A recomputation shows nothing to anybody else: it counts where enough owners say the same, or a verdict that counts here, and
 * otherwise the shard is open here, and whoever acts next recomputes it. That a shard failed is its steward's word, too, and proves nothing.
 * What cannot be proven yet waits, a bounded number for each steward and shard, and is looked at again when something
 * comes that it lacks.
 */
import type { Cid } from '../ids.ts'
import type { ShardEntry } from '../job/lists.ts'
import type { Decision } from '../job/standing.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import { waitingVerdictsMax } from '../limits.ts'
import { besides, owedWithoutResult } from '../verification/owed.ts'
import { answersAlike, type Claim, type Tally, tally } from '../verification/tally.ts'
import { AuditedProofs } from './audited-proofs.ts'
import { ownWords } from './own-words.ts'
import type { ProofGround, RecordedClaim } from './proof-ground.ts'
import { SeenClaims, type ShutOutClaim } from './seen-claims.ts'
import { type LookedAt, SoughtResults, type WantedProof } from './sought-results.ts'

type Judgement = 'counts' | 'opposed' | 'waits' | 'never'

export class Proofs {
  readonly #ground: ProofGround
  readonly #audited: AuditedProofs
  /** Use: by position. Invariant: no list is empty. */
  readonly #waiting = new Map<number, Decision[]>()
  /** Invariant: it knows results only of positions at which something waits. */
  readonly #sought = new SoughtResults()
  readonly #claims: SeenClaims
  /** Use: by position, verdicts whose own claims are enough, while others that are here speak against them. */
  readonly #opposed = new Map<number, Decision[]>()
  /** Use: shards on which a verdict names a receipt that is not here. */
  readonly #lacking = new Set<number>()
  #isOpposedAnew = false

  constructor(ground: ProofGround) {
    this.#ground = ground
    this.#claims = new SeenClaims(ground, this.#sought)
    this.#audited = new AuditedProofs(ground, (position) => this.#waitingClaimsOn(position))
  }

  /** Takes up what was asked for before all records were folded anew, so that nobody is asked again. */
  follow(before: Proofs): void {
    this.#sought.follow(before.#sought)
  }

  /** The list of shards is here: before that, nothing can be proven. */
  knowShards(shards: readonly ShardEntry[]): Decision[] {
    this.#claims.shards = shards
    return this.reviewAll()
  }

  /** Returns those of the decisions of a verdict that count already; the others wait. */
  expect(record: Decision['record']): Decision[] {
    return record.payload.shards.flatMap((verdict) => {
      const { position } = verdict
      const waiting = this.#waiting.get(position) ?? []
      if (waiting.filter((other) => other.record.signer === record.signer).length >= waitingVerdictsMax)
        return []
      this.#waiting.set(position, [...waiting, { record, verdict }])
      return this.review(position)
    })
  }

  /** Something has come that verdicts on this shard may rest on: returns those that count now. */
  review(position: number): Decision[] {
    const proven: Decision[] = []
    const opposed: Decision[] = []
    this.#lacking.delete(position)
    const left = (this.#waiting.get(position) ?? []).filter((decision) => {
      const judgement = this.#judge(decision)
      if (judgement === 'counts') proven.push(decision)
      if (judgement === 'opposed') opposed.push(decision)
      return judgement === 'waits' || judgement === 'opposed'
    })
    if (opposed.length > this.opposedOn(position).length) this.#isOpposedAnew = true
    if (opposed.length > 0) this.#opposed.set(position, opposed)
    else this.#opposed.delete(position)
    if (left.length > 0) this.#waiting.set(position, left)
    else this.#letGo(position)
    return proven
  }

  /** Looks again at all that waits: verdicts rest on checks of other shards, and on who still has a voice. */
  reviewAll(): Decision[] {
    return [...this.#waiting.keys()].flatMap((position) => this.review(position))
  }

  /** A result was examined, or did not come. Returns the verdicts that count now. */
  examined(lookedAt: LookedAt): Decision[] {
    const touched = this.#sought.examined(lookedAt)
    return touched.flatMap((position) => this.review(position))
  }

  /** The results that are to be fetched now, each once; another steward may have what one could not deliver. */
  takeWanted(): WantedProof[] {
    return this.#sought.takeWanted()
  }

  /** Asks again for what did not come. Call it at every look. `isAnew`: whoever may have it is reached only now. */
  askAgain(isAnew: boolean): void {
    if (isAnew) this.#sought.beginAgain()
    else this.#sought.askAgain()
  }

  /** Tells whether results that did not come are still asked for. */
  get isSeeking(): boolean {
    return this.#sought.isSeeking
  }

  /** Tells whether receipts or results are under way that a verdict rests on. */
  get isLooking(): boolean {
    return this.#lacking.size > 0 || this.#sought.isAsking
  }

  /**
   * Verdicts whose own claims are enough, while others that are here speak against them: they do not count, and who decided
   * without those claims has to decide again with all of them.
   */
  opposedOn(position: number): readonly Decision[] {
    return this.#opposed.get(position) ?? nothing
  }

  /** Tells whether there are such verdicts that there were not when this was last asked. */
  takeOpposedAnew(): boolean {
    const isAnew = this.#isOpposedAnew
    this.#isOpposedAnew = false
    return isAnew
  }

  /** The shards on which verdicts wait, with the stewards that gave them. */
  *waiting(): Generator<Decision> {
    for (const decisions of this.#waiting.values()) yield* decisions
  }

  /** The claims on a shard that are owed though it has no result, as far as they were looked at; and all others. */
  owedOn(
    position: number,
    isPaid: (claim: Claim) => boolean,
  ): { readonly owed: readonly Claim[]; readonly others: readonly Claim[] } {
    const voices = (this.#waitingClaimsOn(position) ?? []).filter(isPaid)
    const { assurance, agreement } = this.#ground.manifest
    const owed = owedWithoutResult(tally(voices, assurance, agreement, undefined), voices, assurance)
    return { owed, others: besides(owed, voices) }
  }

  /** That a shard failed is its steward's word. Whether it owes what is owed all the same shows when the claims were looked at. */
  #looksAtOwed(decision: Decision): boolean {
    const { position, agreeing } = decision.verdict
    if (agreeing.length === 0) return false
    this.#claims.claimsOn(position, decision, [])
    return true
  }

  #letGo(position: number): void {
    this.#waiting.delete(position)
    this.#opposed.delete(position)
    this.#sought.letGo(position)
  }

  #judge(decision: Decision): Judgement {
    const { position, shard, outcome, result } = decision.verdict
    if (this.#claims.shards === null) return 'waits'
    if (this.#claims.shards[position]?.shard !== shard) return 'never'
    if (outcome === 'failed' || result === null) return this.#looksAtOwed(decision) ? 'waits' : 'never'
    const named = decision.verdict.agreeing.map((id) => this.#ground.claimOf(id, position))
    // Its steward may have believed a lease that this node shut out: then it contradicts nobody here.
    const against = decision.verdict.contradicting
      .filter((id) => this.#ground.shutOutOwner(id) === undefined)
      .map((id) => this.#ground.claimOf(id, position))
    const shutOut = this.#claims.shutOutBy(decision.verdict)
    if ([...named, ...against].includes(undefined)) {
      this.#lacking.add(position)
      return 'waits'
    }
    if (!named.some((claim) => claim!.result === result)) return 'never'
    const claims = this.#claims.claimsOn(position, decision, named as RecordedClaim[])
    if (claims === undefined) return 'waits'
    if (shutOut.some((claim) => claim.result === undefined)) return 'never'
    const contradicted = [...against, ...shutOut] as Pick<RecordedClaim, 'result'>[]
    const look = (one: Cid) => this.#claims.look(position, one, decision.record.signer)
    const words = ownWords(
      decision.verdict,
      named as RecordedClaim[],
      contradicted,
      this.#ground.manifest,
      look,
    )
    if (words !== 'fit') return words
    // It would have somebody paid for other work than the result shows.
    if (named.some((claim) => this.#claims.isMiscounted(position, claim!, decision.record.signer)))
      return 'never'
    if (this.#repeats(decision, named as RecordedClaim[])) return 'counts'
    const { assurance, agreement } = this.#ground.manifest
    const accepts = (outcome: Tally) =>
      outcome.state === 'accepted' && outcome.agreeing.some((claim) => claim.result === result)
    const count = (some: readonly Claim[]) =>
      tally(some, assurance, agreement, undefined, (voices, needed) =>
        this.#ground.areEnough(position, voices, needed),
      )
    const found = count(claims)
    // It may not call an owner a liar that says the same.
    const alike = found.state === 'accepted' ? found.agreeing : found.state === 'open' ? found.leading : []
    if (alike.some(({ receipt }) => decision.verdict.contradicting.includes(receipt))) return 'waits'
    // Whom it calls liars is looked at, too, before anybody loses a voice by it.
    if (
      against.length > 0 &&
      this.#claims.claimsOn(position, decision, against as RecordedClaim[]) === undefined
    )
      return 'waits'
    const own = claims.filter(({ receipt }) => decision.verdict.agreeing.includes(receipt))
    if (decision.verdict.because === 'audited') {
      // Where more say the same by now, its own claims have to be in windows that passed, as when it was given.
      const voices = accepts(found) ? count(own) : found
      if (voices.state === 'open' && this.#audited.isAudited(voices, decision)) return 'counts'
    } else if (accepts(found)) return this.#holdsAsSaid(decision, claims, own, shutOut) ? 'counts' : 'waits'
    return !accepts(found) && accepts(count(own)) ? 'opposed' : 'waits'
  }

  /** The voices that a verdict for this reason needs, whatever else there is. */
  #voicesOf(because: ShardVerdict['because']): number {
    const { replicas, lead } = this.#ground.manifest.assurance
    return because === 'unanimous' ? replicas : because === 'lead' ? lead : 0
  }

  /**
   * Those of whom it says that they are wrong are no reason to refuse it, though it may not name all that say the same. Whom this node
   * shut out is against it as well: it says so itself, and a reader of the report knows of nobody who is shut out.
   */
  #holdsAsSaid(
    { record, verdict }: Decision,
    claims: readonly Claim[],
    own: readonly Claim[],
    shutOut: readonly ShutOutClaim[],
  ): boolean {
    const { position, because, agreeing, contradicting } = verdict
    if (!this.#ground.areEnough(position, own, this.#voicesOf(because))) return false
    const isGood = (result: Cid | undefined) => {
      const seen = result && this.#claims.look(position, result, record.signer)
      return typeof seen === 'object' && seen.state === 'good'
    }
    const named = claims.filter(({ receipt }) => contradicting.includes(receipt))
    const others = shutOut.filter(({ owner, result }) => this.#ground.hasVoice(owner) && isGood(result))
    const against = new Set([...named, ...others].map(({ owner }) => owner)).size
    if (because === 'unanimous') return against === 0
    return because !== 'lead' || agreeing.length - against >= this.#ground.manifest.assurance.lead
  }

  /**
   * It says no more than what stands here already, and all that it counts for that say so; even where the claims that are here
   * prove nothing, as after a recomputation, or come from an owner that lost its voice by another shard.
   */
  #repeats({ record, verdict }: Decision, named: readonly RecordedClaim[]): boolean {
    const { position, result, because } = verdict
    if (!this.#ground.areEnough(position, named, this.#voicesOf(because))) return false
    const standing = this.#ground.standing(position)
    if (standing.state !== 'stands' || standing.verdict.result !== result) return false
    return named.every((claim) => {
      if (claim.result === result) return true
      const [seen, stands] = [claim.result, result!].map((one) =>
        this.#claims.lookAt(position, one, record.signer),
      )
      return (
        seen !== undefined &&
        stands !== undefined &&
        answersAlike(seen, stands, this.#ground.manifest.agreement)
      )
    })
  }

  /** The claims on a shard on which a verdict waits, as far as they were looked at; undefined where none does, or not all were. */
  #waitingClaimsOn(position: number): Claim[] | undefined {
    const [waiting] = this.#waiting.get(position) ?? []
    return waiting && this.#claims.claimsOn(position, waiting, [])
  }
}

const nothing: readonly Decision[] = []
