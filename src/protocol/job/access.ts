/**
 * Access: a submitter lets a node read its jobs. Signed with the submitter's key, which is not the node's, so that the
 * results of a job whose submitting machine is gone can be read from any node to which the key file was restored.
 */
import { z } from 'zod'
import type { PeerId } from '../ids.ts'
import { recordBytesMax } from '../limits.ts'
import type { Sha256 } from '../record/block.ts'
import { openRecord, peerIdSchema, type SignedRecord, type Verified, type Verify } from '../record/record.ts'

export interface Access {
  readonly reader: PeerId
}

const accessSchema: z.ZodType<Access> = z.strictObject({ reader: peerIdSchema })

export function openAccess(record: SignedRecord, sha256: Sha256, verify: Verify): Verified<Access> {
  return openRecord(record, 'access', accessSchema, recordBytesMax.access, sha256, verify)
}
