/** Refusals: why a record is not among those of a job. */
import type { Excess } from './signer-bounds.ts'

/** Why a record does not get in. */
export type Refusal =
  | 'known'
  | 'of-another-job'
  | 'not-by-a-steward'
  /** Its lease is not here; perhaps it only comes later. */
  | 'without-lease'
  /** It follows from no handover that is here, and not from the manifest; or its giver signed too many. */
  | 'without-predecessor'
  /** It names verdicts that are not here. */
  | 'without-verdict'
  /** Its lease has as many receipts as it can need. */
  | 'too-many-receipts'
  | Excess
  /** Others would have to give way to it: `makeWay` has them do so. */
  | 'gives-way'

/** Tells whether the record is refused for good, since somebody signed too much, and not until another one comes. */
export function isExcess(refusal: Refusal): boolean {
  return refusal === 'too-much' || refusal === 'serial-taken' || refusal === 'too-many-receipts'
}
