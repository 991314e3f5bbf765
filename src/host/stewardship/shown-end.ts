/** Shows a vehicle how its job ended: by the record of the end that counts here, and the submitter's cancellation if there is one. */
import type { JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import { openManifest } from '../../protocol/job/manifest.ts'
import { standingEnd } from '../../protocol/job/standing.ts'
import { openEnd } from '../../protocol/job/verdict.ts'
import type { Message } from '../../protocol/message.ts'
import { signedPartOf } from '../membership/shown-receipts.ts'
import { sha256 } from '../sha256.ts'
import type { Journal } from '../store/journal.ts'

/**
 * The end of a job whose row does not say which one counts here, since it ended under an older version: ends that this node and the
 * submitter's signed count in any case. Undefined: it was another steward's, and all records of the job would have to be read.
 */
export function formerEnd(
  journal: Pick<Journal, 'get' | 'ofKind'>,
  job: JobId,
  self: PeerId,
): RecordId | undefined {
  // A job's name is that of its manifest.
  const manifest = journal.get(job as string as RecordId)
  if (manifest === undefined) return undefined
  const submitter = openManifest(manifest, sha256, () => true).payload.stewards[0]?.peer
  const ends = journal.ofKind(job, 'end').map((record) => openEnd(record, sha256, () => true))
  return standingEnd(ends.filter(({ signer }) => signer === self || signer === submitter))?.id
}

/** Returns the message; undefined where the record is not here any more: nobody is told what cannot be shown. */
export function endedMessage(
  journal: Pick<Journal, 'get' | 'ofKind'>,
  job: JobId,
  end: RecordId,
): Extract<Message, { type: 'ended' }> | undefined {
  const shown = journal.get(end)
  if (shown?.kind !== 'end') return undefined
  const [cancellation] = journal.ofKind(job, 'cancellation')
  return {
    type: 'ended',
    job,
    end: signedPartOf(shown),
    cancellation: cancellation === undefined ? null : signedPartOf(cancellation),
  }
}
