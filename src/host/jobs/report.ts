/** Writing a job's report (src/protocol/audit/report.ts) as a CAR file. */
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { CarWriter } from '@ipld/car'
import { encodeReport, packRecords, type ReportedRecord } from '../../protocol/audit/report.ts'
import type { Reported } from '../../protocol/council/view.ts'
import type { Cid, JobId, PeerId } from '../../protocol/ids.ts'
import { isAbroad, openDrawBasis } from '../../protocol/job/draw.ts'
import { openingSchema, openLease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { furtherBlocks } from '../../protocol/job/result-parts.ts'
import { openVerdict } from '../../protocol/job/verdict.ts'
import { decodeCbor, linkOf } from '../../protocol/record/block.ts'
import { reportedKinds } from '../../protocol/records.ts'
import { openingBytesMax } from '../../protocol/sizes.ts'
import { chartersSetting, parseCharter } from '../membership/certificates.ts'
import { sha256 } from '../sha256.ts'
import { cidOf } from '../store/cid.ts'
import { parseFileRoot } from '../store/files.ts'
import type { Store } from '../store.ts'

/**
 * Whole or not at all. Results that were never delivered are not in it; the audit says which it misses. `reported`: the
 * records of which it is made; what another steward signed and nobody believes proves nothing, and is left out.
 */
export async function writeReport(
  path: string,
  job: JobId,
  manifest: Manifest,
  store: Store,
  reported: Reported,
): Promise<{ readonly root: Cid; readonly bytes: number }> {
  const pages = [
    ...packRecords([...recordsOf(job, store, reported), ...vouchersOf(job, manifest, store, reported)]),
  ].map((bytes) => ({
    cid: cidOf('dag-cbor', bytes),
    bytes,
  }))
  const listRoot = manifest.shards.file
  const listBytes = (await store.blocks.get(listRoot)) ?? new Uint8Array(0)
  const shardList = [listRoot, ...parseFileRoot(listRoot, listBytes).parts]
  const results = await withParts(resultsOf(job, store, reported), store)
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
    for (const cid of [...shardList, ...results, ...advertsOf(job, store, reported)]) {
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
 * The results that receipts or verdicts of the report name, as far as they are here. This node may hold others: those that
 * it computed itself to check claims, for verdicts that came first.
 */
function resultsOf(job: JobId, { blocks, journal }: Store, reported: Reported): Cid[] {
  const named = new Set<Cid>()
  for (const { id, kind, body, signature, extra } of journal.ofJob(job)) {
    const note = reported.get(id)
    if (note === undefined) continue
    if (kind === 'receipt' && extra !== null)
      for (const result of openingSchema.parse(decodeCbor('opening', extra, openingBytesMax)).results)
        named.add(result)
    if (kind === 'verdict')
      for (const { position, result } of openVerdict({ body, signature }, sha256, () => true).payload.shards)
        if (result !== null && (typeof note !== 'object' || note === null || note.shards.includes(position)))
          named.add(result)
  }
  return blocks
    .of(job)
    .list('result')
    .filter((cid) => named.has(cid))
}

/** The blocks with the adverts of lists from abroad. */
function advertsOf(job: JobId, { journal }: Store, reported: Reported): Cid[] {
  const blocks: Cid[] = []
  for (const { id, kind, body, signature } of journal.ofJob(job)) {
    if (kind !== 'draw' || reported.get(id) === undefined) continue
    const { payload } = openDrawBasis({ body, signature }, sha256, () => true)
    if (isAbroad(payload)) blocks.push(payload.census.adverts)
  }
  return blocks
}

/** These results, and the blocks of those that have several. */
async function withParts(results: readonly Cid[], { blocks }: Store): Promise<Cid[]> {
  const all = new Set(results)
  for (const result of results) {
    const bytes = await blocks.get(result)
    if (bytes !== undefined) for (const block of furtherBlocks(bytes).keys()) all.add(block)
  }
  return [...all]
}

/** In a fleet: yields the owners that vehicles belong to, as far as they have shown this node. */
function* vouchersOf(
  job: JobId,
  { fleet }: Manifest,
  { journal }: Store,
  reported: Reported,
): Generator<ReportedRecord> {
  if (fleet === null) return
  for (const text of JSON.parse(journal.getSetting(chartersSetting(fleet)) ?? '[]') as string[])
    yield { kind: 'charter', record: parseCharter(text), opening: null }
  const vehicles = new Set<PeerId>()
  for (const row of journal.ofJob(job))
    if (row.kind === 'lease' && reported.has(row.id))
      vehicles.add(openLease(row, sha256, () => true).payload.vehicle)
  for (const vehicle of vehicles) {
    const record = journal.members.credentialOf(vehicle)
    if (record !== undefined) yield { kind: 'credential', record, opening: null }
  }
}

function* recordsOf(job: JobId, store: Store, reported: Reported): Generator<ReportedRecord> {
  // A standby may have learnt of a verdict before the receipts that it counts. The other things that a lease carries
  // are keys.
  for (const wanted of reportedKinds)
    for (const { id, kind, body, signature, extra } of store.journal.ofJob(job)) {
      const note = kind === 'manifest' ? null : reported.get(id)
      if (kind !== wanted || note === undefined) continue
      const opening = kind === 'receipt' ? extra : null
      yield { kind, record: { body, signature }, opening, ...(note === null ? {} : { note }) }
    }
  for (const { body, signature } of store.ledgerTables.statements(job))
    yield { kind: 'statement', record: { body, signature }, opening: null }
}
