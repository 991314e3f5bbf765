/** Makes the records that a steward signs. */
import { assert } from '../../base/assert.ts'
import { jobRetentionMs } from '../limits.ts'
import type { Verified } from '../record/record.ts'
import type { JobRecord, JobRecordKind, PayloadOf } from '../records.ts'
import type { StewardEffect } from './contract.ts'
import type { Desk } from './desk.ts'

/** Signs a record: it is among those of the job from now on. */
export function issue<Kind extends JobRecordKind>(
  desk: Desk,
  kind: Kind,
  payload: PayloadOf<Kind>,
): Verified<PayloadOf<Kind>> {
  const { job, self, manifest, epoch = 0 } = desk.options
  const expiresMs = manifest.deadlineMs + jobRetentionMs
  const made = desk.issuer.issue(kind, { payload, job, epoch, steward: self, expiresMs })
  const isFine = desk.state.admit(made.issued as JobRecord)
  assert(isFine, 'a steward signs only what belongs to its job')
  desk.effects.push({ type: 'issue', ...made } as StewardEffect)
  return made.issued.record as Verified<PayloadOf<Kind>>
}
