/** Writing a job's report (src/protocol/audit/report.ts) as a CAR file. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarWriter } from '@ipld/car'
import { encodeReport, packRecords, type ReportedRecord } from '../../protocol/audit/report.ts'
import type { Cid, JobId, PeerId, RecordId } from '../../protocol/ids.ts'
import { openingSchema, openLease, openReceipt } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { openVerdict } from '../../protocol/job/verdict.ts'
import { decodeCbor, linkOf } from '../../protocol/record/block.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import { type RecordKind, reportedKinds } from '../../protocol/records.ts'
import { openingBytesMax } from '../../protocol/sizes.ts'
import { chartersSetting, parseCharter } from '../membership/certificates.ts'
import { sha256 } from '../sha256.ts'
import { cidOf } from '../store/cid.ts'
import { parseFileRoot } from '../store/files.ts'
import type { Store } from '../store.ts'

/**
 * Whole or not at all. Results that were never delivered are not in it; the audit says which it misses. `counts`: whether a
 * lease, a verdict or an end counts here; what another steward signed and nobody believes proves nothing, and is left out.
 */
export async function writeReport(
  path: string,
  job: JobId,
  manifest: Manifest,
  store: Store,
  counts: (id: RecordId) => boolean,
): Promise<{ readonly root: Cid; readonly bytes: number }> {
  const pages = [...packRecords([...recordsOf(job, store, counts), ...vouchersOf(job, manifest, store)])].map(
    (bytes) => ({
      cid: cidOf('dag-cbor', bytes),
      bytes,
    }),
  )
  const listRoot = manifest.shards.file
  const listBytes = (await store.blocks.get(listRoot)) ?? new Uint8Array(0)
  const shardList = [listRoot, ...parseFileRoot(listRoot, listBytes).parts]
  const results = resultsOf(job, store)
  const report = encodeReport({ job, recordPages: pages.map(({ cid }) => cid), shardList, results })
  const root = cidOf('dag-cbor', report)

  const temporary = `${path}.${process.pid}.part`
  const { writer, out } = CarWriter.create([linkOf(root)])
  const file = createWriteStream(temporary)
  const written = pipeline(Readable.from(out), file)
  written.catch(() => {}) // met below
  try {
    await writer.put({ cid: linkOf(root), bytes: report })
    for (const { cid, bytes } of pages) await writer.put({ cid: linkOf(cid), bytes })
    for (const cid of [...shardList, ...results]) {
      const bytes = await store.blocks.get(cid)
      if (bytes !== undefined) await writer.put({ cid: linkOf(cid), bytes })
    }
    await writer.close()
    await written
    await rename(temporary, path)
    return { root, bytes: file.bytesWritten }
  } catch (error) {
    file.destroy()
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * The results that receipts or verdicts name, as far as they are here. This node may hold others: those that it
 * computed itself to check claims, for verdicts that came first.
 */
function resultsOf(job: JobId, { blocks, journal }: Store): Cid[] {
  const named = new Set<Cid>()
  for (const { kind, body, signature, extra } of journal.ofJob(job)) {
    if (kind === 'receipt' && extra !== null)
      for (const result of openingSchema.parse(decodeCbor('opening', extra, openingBytesMax)).results)
        named.add(result)
    if (kind === 'verdict')
      for (const { result } of openVerdict({ body, signature }, sha256, () => true).payload.shards)
        if (result !== null) named.add(result)
  }
  return blocks
    .of(job)
    .list('result')
    .filter((cid) => named.has(cid))
}

/** In a fleet: yields the owners that vehicles belong to, as far as they have shown this node. */
function* vouchersOf(job: JobId, { fleet }: Manifest, { journal }: Store): Generator<ReportedRecord> {
  if (fleet === null) return
  for (const text of JSON.parse(journal.getSetting(chartersSetting(fleet)) ?? '[]') as string[])
    yield { kind: 'charter', record: parseCharter(text), opening: null }
  const vehicles = new Set<PeerId>()
  for (const row of journal.ofJob(job))
    if (row.kind === 'lease') vehicles.add(openLease(row, sha256, () => true).payload.vehicle)
  for (const vehicle of vehicles) {
    const record = journal.members.credentialOf(vehicle)
    if (record !== undefined) yield { kind: 'credential', record, opening: null }
  }
}

function* recordsOf(job: JobId, store: Store, counts: (id: RecordId) => boolean): Generator<ReportedRecord> {
  // A standby may have learnt of a verdict before the receipts that it counts. The other things that a lease carries
  // are keys.
  const countless = countlessLeases(job, store, counts)
  for (const wanted of reportedKinds)
    for (const row of store.journal.ofJob(job)) {
      const { id, kind, body, signature, extra } = row
      if (kind !== wanted || countless.has(id)) continue
      if (mustCount(kind) && !counts(id)) continue
      if (kind !== 'receipt' || countless.size === 0 || !countless.has(leaseOf(row)))
        yield { kind, record: { body, signature }, opening: kind === 'receipt' ? extra : null }
    }
  for (const { body, signature } of store.ledgerTables.statements(job))
    yield { kind: 'statement', record: { body, signature }, opening: null }
}

/** Leases that count for nobody here, and whose receipts no verdict names that does. */
function countlessLeases(job: JobId, { journal }: Store, counts: (id: RecordId) => boolean): Set<RecordId> {
  const countless = new Set<RecordId>()
  for (const { id, kind } of journal.ofJob(job)) if (kind === 'lease' && !counts(id)) countless.add(id)
  if (countless.size === 0) return countless
  const named = new Set<RecordId>()
  for (const row of journal.ofJob(job))
    if (row.kind === 'verdict' && counts(row.id))
      for (const { agreeing, contradicting } of openVerdict(row, sha256, () => true).payload.shards)
        for (const receipt of [...agreeing, ...contradicting]) named.add(receipt)
  for (const row of journal.ofJob(job))
    if (row.kind === 'receipt' && named.has(row.id)) countless.delete(leaseOf(row))
  return countless
}

function leaseOf(receipt: SignedRecord): RecordId {
  return openReceipt(receipt, sha256, () => true).payload.lease
}

/** Kinds of which a steward may sign some that count for nobody but itself. */
function mustCount(kind: RecordKind): boolean {
  return kind === 'verdict' || kind === 'end'
}
