/** Checks the verdicts that rest on audits: each must have enough windows all of whose drawn checks were passed. */
import type { OwnerId, RecordId } from '../ids.ts'
import type { Audits, Manifest } from '../job/manifest.ts'
import type { AreEnough } from '../job/order.ts'
import type { ShardVerdict } from '../job/verdict.ts'
import { checkOrder, isSampled, type Window } from '../job/window.ts'
import type { Sha256 } from '../record/block.ts'
import type { Verified } from '../record/record.ts'
import { chosen } from './order-checks.ts'
import type { Problems } from './problems.ts'
import type { AuditedRecords, Claim, Decision } from './records.ts'

export class WindowAudit {
  readonly #manifest: Manifest
  readonly #records: AuditedRecords
  readonly #standing: ReadonlyMap<number, ShardVerdict>
  readonly #sha256: Sha256
  readonly #areEnough: AreEnough
  readonly #passed = new Map<RecordId, boolean>()
  /** By position. */
  readonly #decisions: ReadonlyMap<number, readonly Decision[]>

  constructor(
    manifest: Manifest,
    records: AuditedRecords,
    standing: ReadonlyMap<number, ShardVerdict>,
    sha256: Sha256,
    areEnough: AreEnough,
  ) {
    this.#areEnough = areEnough
    this.#manifest = manifest
    this.#records = records
    this.#standing = standing
    this.#sha256 = sha256
    this.#decisions = Map.groupBy(records.decisions, ({ verdict }) => verdict.position)
  }

  check(problems: Problems): void {
    for (const decision of this.#records.decisions)
      problems.attempt(`the verdict on shard ${decision.verdict.position}`, () =>
        this.#checkDecision(decision, problems),
      )
  }

  /**
   * A shard that fewer than unanimous owners stand for: enough of them stand for it in windows that have passed. Of stewards
   * that were apart and say the same, one needs to have seen that: the other made no check of what it found decided.
   */
  #checkDecision(decision: Decision, problems: Problems): void {
    const { position, because } = decision.verdict
    if (because !== 'audited' || this.#records.isSettled(decision)) return
    const { audits } = this.#manifest.assurance
    if (audits === null) throw new Error(`shard ${position} was audited, and the job has no audits`)
    const passed = this.#passedOf(decision, audits)
    const isEnough = (one: Decision) =>
      one.verdict.because !== 'audited' ||
      this.#areEnough(position, this.#passedOf(one, audits), audits.replicas)
    if (this.#alike(decision.verdict).some(isEnough)) return
    if (passed.length < audits.replicas)
      problems.blame(
        `the verdict on shard ${position} rests on ${passed.length} windows that passed, not ${audits.replicas}`,
      )
    else problems.blame(chosen(position, passed.length))
  }

  /** One claim of each owner whose claims a verdict counts in windows that have passed. */
  #passedOf({ by, verdict: { position, agreeing } }: Decision, audits: Audits): Claim[] {
    const passed = new Map<OwnerId, Claim>()
    for (const id of agreeing) {
      const claim = this.#records.claims.get(id)
      const window = claim && this.#records.windows.of(by, claim.owner, position)
      if (claim !== undefined && window?.payload.receipts.includes(id) && this.#hasPassed(window, audits))
        passed.set(claim.owner, claim)
    }
    return [...passed.values()]
  }

  #hasPassed(window: Verified<Window>, audits: Audits): boolean {
    const known = this.#passed.get(window.id)
    if (known !== undefined) return known
    const passed = this.#isOfOneOwner(window) && this.#isSound(window, audits)
    this.#passed.set(window.id, passed)
    return passed
  }

  /** That of the claim for which the window was looked up. */
  #isOfOneOwner({ payload: { receipts } }: Verified<Window>): boolean {
    return new Set(receipts.flatMap((id) => this.#records.claims.get(id)?.owner ?? [])).size === 1
  }

  /** The checks that the secret draws were passed, but for shards that failed, in whose place the next one is checked. */
  #isSound({ id, payload: { owner, positions } }: Verified<Window>, audits: Audits): boolean {
    if (!isSampled(positions.length, audits, this.#manifest.assurance.replicas)) return false
    const { drawSecret } = this.#records
    if (drawSecret === undefined) return false
    let checked = 0
    for (const position of checkOrder(this.#sha256, drawSecret, id, positions)) {
      if (checked === audits.checks) break
      const verdict = this.#standing.get(position)
      if (verdict === undefined || verdict.outcome === 'failed') continue
      if (!this.#alike(verdict).some((one) => this.#isChecked(one.verdict, owner, audits))) return false
      checked += 1
    }
    return checked === audits.checks
  }

  /** All verdicts that say the same: of stewards that were apart, one may have seen a check that another did not. */
  #alike({ position, result }: ShardVerdict): Decision[] {
    const decisions = this.#decisions.get(position) ?? []
    return decisions.filter(
      (one) =>
        one.verdict.outcome === 'accepted' && one.verdict.result === result && !this.#records.isSettled(one),
    )
  }

  #isChecked({ position, agreeing, because }: ShardVerdict, owner: OwnerId, { replicas }: Audits): boolean {
    const claims = agreeing.flatMap((id) => this.#records.claims.get(id) ?? [])
    const isEnough = this.#areEnough(position, claims, replicas + 1)
    return claims.some((claim) => claim.owner === owner) && (isEnough || because === 'recomputed')
  }
}
