/** Adverts of another version of records, which this node cannot read. */
import type { PeerId } from '../../protocol/ids.ts'
import { foreignVersionOf, recordVersion, type SignedRecord } from '../../protocol/record/record.ts'
import { recordBytesMax } from '../../protocol/sizes.ts'
import type { Notices } from '../notices.ts'

/**
 * True for an advert of another record version, of which the owner is told. It is no fault of the neighbour that has it, and costs it
 * nothing. It is not passed on, so that this neighbour is, as a rule, its author.
 */
export function isForeign({ body }: SignedRecord, from: PeerId, notices: Pick<Notices, 'tell'>): boolean {
  const version = foreignVersionOf(body, recordBytesMax.advert)
  if (version === null) return false
  const text = `${from} says what it offers in records of version ${version}, and this node reads version ${recordVersion}: neither gives the other work until the older one is updated`
  notices.tell({ kind: 'version', about: from, text })
  return true
}
