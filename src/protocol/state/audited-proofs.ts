/** Audited proofs: whether enough of the owners that agree on a shard stand for it in windows whose drawn checks were passed. */
import type { OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Decision } from '../job/standing.ts'
import { checkOrder, isSampled } from '../job/window.ts'
import { type Claim, type Tally, tally } from '../verification/tally.ts'
import type { ProofGround } from './proof-ground.ts'

export class AuditedProofs {
  readonly #ground: ProofGround
  readonly #waitingClaimsOn: (position: number) => readonly Claim[] | undefined

  /** `waitingClaimsOn`: the claims on a shard on which verdicts wait, as far as all were looked at; undefined where none waits. */
  constructor(ground: ProofGround, waitingClaimsOn: (position: number) => readonly Claim[] | undefined) {
    this.#ground = ground
    this.#waitingClaimsOn = waitingClaimsOn
  }

  isAudited(outcome: Extract<Tally, { state: 'open' }>, { record, verdict }: Decision): boolean {
    const { audits } = this.#ground.manifest.assurance
    if (audits === null || verdict.because !== 'audited' || outcome.disputed) return false
    if (!outcome.leading.some(({ result }) => result === verdict.result)) return false
    const passed = outcome.leading.filter(
      ({ owner, receipt, exhausted }) =>
        !exhausted && this.#hasPassed(owner, receipt, verdict.position, record.signer),
    )
    return this.#ground.areEnough(verdict.position, passed, audits.replicas)
  }

  #hasPassed(owner: OwnerId, receipt: RecordId, position: number, steward: PeerId): boolean {
    const { manifest, sha256, drawSecret } = this.#ground
    const { audits, replicas } = manifest.assurance
    const window = this.#ground.windowOf(steward, owner, position)
    if (window === undefined || drawSecret === undefined) return false
    const { positions, receipts } = window.payload
    if (!receipts.includes(receipt) || !isSampled(positions.length, audits!, replicas)) return false
    let checked = 0
    for (const drawn of checkOrder(sha256, drawSecret, window.id, positions)) {
      if (checked === audits!.checks) break
      const standing = this.#ground.standing(drawn)
      if (standing.state === 'stands' && standing.verdict.outcome === 'failed') continue
      if (!this.#isChecked(owner, drawn, audits!.replicas)) return false
      checked += 1
    }
    return checked === audits!.checks
  }

  /** More owners than a shard has without a check say the same as this one; or it was recomputed, and that counts here. */
  #isChecked(owner: OwnerId, position: number, replicas: number): boolean {
    const standing = this.#ground.standing(position)
    if (standing.state === 'stands') {
      const { agreeing, because } = standing.verdict
      const claims = agreeing.flatMap((id) => this.#ground.claimOf(id, position) ?? [])
      const isEnough = this.#ground.areEnough(position, claims, replicas + 1)
      return claims.some((claim) => claim.owner === owner) && (isEnough || because === 'recomputed')
    }
    const { assurance, agreement } = this.#ground.manifest
    const claims = this.#waitingClaimsOn(position) ?? []
    const outcome = tally(claims, assurance, agreement, undefined, (voices, needed) =>
      this.#ground.areEnough(position, voices, needed),
    )
    if (outcome.state !== 'open' || outcome.disputed) return false
    if (!this.#ground.areEnough(position, outcome.leading, replicas + 1)) return false
    return outcome.leading.some((claim) => claim.owner === owner)
  }
}
