/** The part of a node that knows its cell, as the membership sees it. */
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Admission } from '../../protocol/membership/roster.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'

/** A part that knows to which cell an advert belongs. */
export interface CellEar {
  /** False for adverts of cells in which this node is not: they stay out of the roster. */
  mayEnter(capacity: Capacity): boolean
  /** This advert was taken. */
  heard(record: SignedRecord, capacity: Capacity, admission: Admission): void
}
