/**
 * Cancellation: the submitter wants the job to end now. It is signed with the submitter's key, which is not its node's, so that a
 * job can be cancelled from any machine that has the key. A steward that gets it passes it on, and the one that acts ends the
 * job; that end rests on this record.
 *
 * It says nothing but which job it is about, and all of its body follows from the manifest. So there is only one for each
 * job, however often it is signed: stewards need no bound for it, and that of another job is another record.
 */
import { z } from 'zod'
import type { JobId, PeerId } from '../ids.ts'
import { jobRetentionMs } from '../limits.ts'
import { type RecordBody, recordType, recordVersion } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'
import type { Manifest } from './manifest.ts'

export type Cancellation = Readonly<Record<string, never>>

const cancellationSchema: z.ZodType<Cancellation> = z.strictObject({})

export const cancellationType = recordType('cancellation', cancellationSchema, recordBytesMax.cancellation)
export const { open: openCancellation } = cancellationType

/** The body of the one cancellation that a job has. `submitter`: the key that signed its manifest. */
export function cancellationOf(
  job: JobId,
  { deadlineMs }: Pick<Manifest, 'deadlineMs'>,
  submitter: PeerId,
): RecordBody<Cancellation> {
  return {
    domain: 'carpool',
    version: recordVersion,
    kind: 'cancellation',
    job,
    epoch: 0,
    steward: null,
    serial: 0,
    expiresMs: deadlineMs + jobRetentionMs,
    signer: submitter,
    payload: {},
  }
}

/** Tells whether a record of this kind is the job's one cancellation. */
export function isCancellationOf(
  record: RecordBody,
  { job, epoch, steward, serial, expiresMs, signer }: RecordBody,
): boolean {
  return (
    record.job === job &&
    record.epoch === epoch &&
    record.steward === steward &&
    record.serial === serial &&
    record.expiresMs === expiresMs &&
    record.signer === signer
  )
}
