/**
 * Access: a submitter lets a node read its jobs. Signed with the submitter's key, which is not the node's, so that the
 * results of a job whose submitting machine is gone can be read from any node to which the key file was restored.
 */
import { z } from 'zod'
import type { PeerId } from '../ids.ts'
import { peerIdSchema, recordType } from '../record/record.ts'
import { recordBytesMax } from '../sizes.ts'

export interface Access {
  readonly reader: PeerId
}

const accessSchema: z.ZodType<Access> = z.strictObject({ reader: peerIdSchema })

export const accessType = recordType('access', accessSchema, recordBytesMax.access)
export const { open: openAccess } = accessType
