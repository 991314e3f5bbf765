/** Receipts as a proof shows them: what was signed, with what opens it. */
import type { Opening } from '../../protocol/job/lease.ts'
import { reopenCbor } from '../../protocol/record/block.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { JournalRecord } from '../store/journal.ts'

export function signedPartOf({ body, signature }: SignedRecord): SignedRecord {
  return { body, signature }
}

export function shownWith(row: JournalRecord) {
  return { record: signedPartOf(row), opening: reopenCbor<Opening>(row.extra!) }
}
