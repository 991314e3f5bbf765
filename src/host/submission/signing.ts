/** Signs a manifest, which from then on names its job. */
import type { JobId } from '../../protocol/ids.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { jobRetentionMs } from '../../protocol/limits.ts'
import { encodeBody, recordId, type SignedRecord } from '../../protocol/record/record.ts'
import { bodyOf } from '../../protocol/records.ts'
import { sha256 } from '../sha256.ts'
import type { SigningKey } from '../store/keys.ts'

export function signManifest(
  manifest: Manifest,
  submitter: SigningKey,
  nowMs: number,
): { readonly job: JobId; readonly record: SignedRecord } {
  const body = encodeBody(
    bodyOf('manifest', {
      signer: submitter.peerId,
      serial: nowMs,
      expiresMs: manifest.deadlineMs + jobRetentionMs,
      payload: manifest,
    }),
  )
  return { job: recordId(sha256, body), record: { body, signature: submitter.sign(body) } }
}
