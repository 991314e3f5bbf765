/** The ground of proofs: the facts that they rest on (proofs.ts), from the records that are here. */
import type { Sha256 } from '../../base/prng.ts'
import type { Cid, OwnerId, PeerId, RecordId } from '../ids.ts'
import type { Manifest } from '../job/manifest.ts'
import type { AreEnough } from '../job/order.ts'
import type { Standing } from '../job/standing.ts'
import type { Window } from '../job/window.ts'
import type { UnitCount } from '../price.ts'
import type { Verified } from '../record/record.ts'
import type { Claim } from '../verification/tally.ts'

/** A claim by the records: nobody here has looked at its result yet. */
export type RecordedClaim = Pick<Claim, 'peer' | 'owner' | 'receipt' | 'result' | 'lease'> & {
  /** The units that its receipt says it took, where units are counted. */
  readonly units?: UnitCount
}

/** The facts that proofs rest on, from the records that are here. */
export interface ProofGround {
  readonly manifest: Manifest
  readonly sha256: Sha256
  /** From which the checks of windows are drawn; undefined: none can be repeated here. */
  readonly drawSecret: Uint8Array | undefined
  /** The claim of a receipt on a shard; undefined while it is not here, or does not count. */
  claimOf(receipt: RecordId, position: number): RecordedClaim | undefined
  /** The owner of a receipt that is here whose lease never counts on this node, for which that claim does not exist; undefined for others. */
  shutOutOwner(receipt: RecordId): OwnerId | undefined
  /** A shard's result by a receipt that is here, whether its lease counts or not; undefined where it does not cover it. */
  resultOf(receipt: RecordId, position: number): Cid | undefined
  /** All claims on a shard that are here and count. */
  claimsOn(position: number): Iterable<RecordedClaim>
  standing(position: number): Standing
  readonly areEnough: AreEnough
  /** Owners that lost their voice, by the verdicts that count. */
  hasVoice(owner: OwnerId): boolean
  /** The window of that steward in which the owner's claim is (closed-windows.ts). */
  windowOf(steward: PeerId, owner: OwnerId, position: number): Verified<Window> | undefined
}
