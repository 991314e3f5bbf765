/**
 * The end of a job, as its vehicles are shown it: the signed record, and with one that calls the job cancelled the submitter's
 * cancellation. A vehicle has few of a job's records, so it cannot see whether an end follows from them. It sees who signed it,
 * that its signer knows the secret of the job's draws, which stewards alone do, and that the submitter wanted what it calls
 * cancelled. Nobody's mere word ends anything here: whoever has no record to show is not heard.
 */
import { equals } from 'uint8arrays'
import type { Sha256 } from '../../base/prng.ts'
import type { PeerId } from '../ids.ts'
import { type Cancellation, cancellationOf, isCancellationOf } from '../job/cancellation.ts'
import type { Manifest } from '../job/manifest.ts'
import type { JobEnd } from '../job/verdict.ts'
import type { Verified } from '../record/record.ts'

export interface ShownEnd {
  readonly end: Verified<JobEnd>
  /** Null: none was shown. */
  readonly cancellation: Verified<Cancellation> | null
}

/** The facts of a job's manifest that an end of it is held against. */
export interface EndGround extends Pick<Manifest, 'deadlineMs' | 'drawCommitment'> {
  /** The key that signed the manifest. */
  readonly submitter: PeerId
}

/** Tells whether the end may be one of this job. `isFirst`: its signer has the place of the job's first steward, which decides for the submitter. */
export function holds(
  { end, cancellation }: ShownEnd,
  ground: EndGround,
  isFirst: boolean,
  sha256: Sha256,
): boolean {
  if (end.job === null || !equals(sha256(end.payload.secret), ground.drawCommitment)) return false
  if (end.payload.outcome !== 'cancelled' || isFirst) return true
  const wanted = cancellationOf(end.job, ground, ground.submitter)
  return cancellation !== null && isCancellationOf(cancellation, wanted)
}
