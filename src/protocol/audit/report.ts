/**
 * The report: everything that made a job's results final, in one content-addressed piece.
 *
 *   report ─┬─ record pages   every signed record of the job in its order, with the openings of receipts
 *           ├─ shard list     which shards, and how many pages each
 *           └─ results        by the CIDs that the receipts' openings and the verdicts name
 *
 * It travels as a CAR file, so that any tool of the content-addressed world can read it. src/protocol/audit/audit.ts
 * checks the whole chain from it, offline.
 */
import { z } from 'zod'
import type { Cid, JobId } from '../ids.ts'
import { blockBytesMax, leaseShardsMax } from '../limits.ts'
import { decodeCbor, encodeCbor, linkOf } from '../record/block.ts'
import {
  bytesSchema,
  cidSchema,
  linkSchema,
  malformed,
  naturalSchema,
  signedRecordSchema,
} from '../record/record.ts'
import { type RecordKind, recordKinds } from '../records.ts'
import { reportBytesMax } from '../sizes.ts'

export interface Report {
  readonly job: JobId
  readonly recordPages: readonly Cid[]
  /** Blocks of the shard list's file, root first. */
  readonly shardList: readonly Cid[]
  readonly results: readonly Cid[]
}

export interface ReportedRecord {
  readonly kind: RecordKind
  readonly record: { readonly body: Uint8Array; readonly signature: Uint8Array }
  /** A receipt's opening, encoded; null for other kinds. */
  readonly opening: Uint8Array | null
  readonly note?: Note
}

/**
 * Says that a record of another steward than the submitter's does not count as it stands. Nobody signs a note, and the audit
 * does not trust it: a note takes away less than leaving out the record would, and it cannot take away a debt.
 */
export type Note =
  /** The shards for which a verdict counts; none, where it only binds its signer to pay for what it names as agreeing. */
  | { readonly shards: readonly number[] }
  /** A lease or an allowance for which its signer had no money left: a claim of such a lease may count, and is not paid. */
  | 'unpaid'

const links = z.array(linkSchema)
const reportSchema = z.strictObject({
  carpool: z.literal('report/1'),
  job: cidSchema,
  recordPages: links,
  shardList: links,
  results: links,
})
const pageSchema: z.ZodType<ReportedRecord[]> = z.array(
  z.strictObject({
    kind: z.enum(recordKinds),
    record: signedRecordSchema,
    opening: bytesSchema.nullable(),
    note: z
      .union([z.strictObject({ shards: z.array(naturalSchema).max(leaseShardsMax) }), z.literal('unpaid')])
      .exactOptional(),
  }),
)

export function encodeReport(report: Report): Uint8Array {
  return encodeCbor({
    carpool: 'report/1',
    job: report.job,
    recordPages: report.recordPages.map(linkOf),
    shardList: report.shardList.map(linkOf),
    results: report.results.map(linkOf),
  })
}

/** Throws ProtocolError. */
export function decodeReport(bytes: Uint8Array): Report {
  const decoded = reportSchema.safeParse(decodeCbor('report', bytes, reportBytesMax))
  if (!decoded.success) throw malformed('report', decoded.error)
  const { job, recordPages, shardList, results } = decoded.data
  return { job, recordPages, shardList, results }
}

/** Packs records into pages that fit in a block. */
export function* packRecords(records: Iterable<ReportedRecord>): Generator<Uint8Array> {
  let page: ReportedRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = record.record.body.byteLength + (record.opening?.byteLength ?? 0) + 256
    if (page.length > 0 && bytes + size > blockBytesMax / 2) {
      yield encodeCbor(page)
      page = []
      bytes = 0
    }
    page.push(record)
    bytes += size
  }
  if (page.length > 0) yield encodeCbor(page)
}

/** Throws ProtocolError. */
export function unpackRecords(bytes: Uint8Array): ReportedRecord[] {
  const decoded = pageSchema.safeParse(decodeCbor('record page', bytes, blockBytesMax))
  if (!decoded.success) throw malformed('record page', decoded.error)
  return decoded.data
}
