/** Results: a job's verified pages, in the order of its submission, and the list of missing ones. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Cid } from '../../protocol/ids.ts'
import { type DocumentEntry, DocumentListReader, type ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { PageRecord } from '../../protocol/job/result.ts'
import type { JobEnd, ShardVerdict } from '../../protocol/job/verdict.ts'
import { documentListBytesMax } from '../../protocol/limits.ts'
import { deliveredOf } from '../../protocol/verification/delivery.ts'
import { OutcomeCounts } from '../../protocol/verification/outcomes.ts'
import type { ResultLine, ResultsEnd } from '../api.ts'
import { PartMissing, readPages } from '../result-reader.ts'
import { namesKey, shardKey, Unsealable, unsealParts } from '../sealing/sealing.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import { type GetBlock, readFileParts } from '../store/files.ts'

/** A job as whoever reads its results needs it. */
export interface ReadJob {
  readonly manifest: Manifest
  readonly shards: readonly ShardEntry[]
  readonly verdicts: readonly ShardVerdict[]
  readonly secret: Uint8Array
  readonly get: GetBlock
  /** Null while it runs. */
  readonly end: JobEnd['outcome'] | null
}

/** Throws RequestError where this node cannot read it, or not yet. */
export function readJobOf(job: CouncilDriver): ReadJob {
  const { manifest, shards, secret, end } = job
  const get = (cid: Cid) => job.block(cid)
  return { manifest, shards, verdicts: job.verdicts(), secret, get, end: end?.outcome ?? null }
}

/** A page's outcome: its record, or why there is none. */
export interface PageOutcome {
  /** The shard's place in the list of shards. */
  readonly position: number
  /** The place of its document in the list of documents. */
  readonly place: number
  readonly document: string
  /** Counted from 1. */
  readonly page: number
  readonly found: PageRecord | string
}

/** The shards that a reader asks for, by their positions: those that it reads, and those of them whose pages it shows. */
export interface Part {
  readonly shows: (position: number) => boolean
  readonly reads?: (position: number) => boolean
}

export type PartEnd = Omit<ResultsEnd, 'doubts'> & {
  /** The shards of which some page has no record here. */
  readonly unread: ReadonlySet<number>
}

/** Counts, documents and missing pages are those of the shards that are read. */
export async function* readResults(
  job: ReadJob,
  { shows, reads }: Part = { shows: () => true },
): AsyncGenerator<ResultLine, PartEnd, undefined> {
  const { manifest } = job
  const unread = new Set<number>()
  const missing: { document: string; page: number; why: string }[] = []
  const counts = new OutcomeCounts()
  let [documents, last]: [number, string | undefined] = [0, undefined]
  for await (const { position, document, page, found } of pagesOf(job, reads)) {
    // The parts of a document that is cut have its name, and follow each other.
    if (document !== last) documents += 1
    last = document
    if (typeof found === 'string') {
      missing.push({ document, page, why: found })
      unread.add(position)
      continue
    }
    counts.add(found, manifest.agreement)
    const delivered = deliveredOf(found, manifest.agreement)
    switch (delivered.state) {
      case 'output':
        if (shows(position)) yield { document, page, result: delivered.output, error: null }
        break
      case 'error':
        if (shows(position)) yield { document, page, result: null, error: delivered.error }
        break
      case 'none':
        missing.push({ document, page, why: `its output ${delivered.why}` })
    }
  }
  const { runtime } = manifest
  return { runtime, pages: manifest.shards.pages, documents, outcomes: counts.view(), missing, unread }
}

/**
 * The job's documents in their order, as its submitter named them. A million of them take half a gigabyte, so that they are read
 * as they are needed. Throws StoreError, and Unsealable.
 */
export async function* documentsOf({
  manifest: { documents },
  secret,
  get,
}: Pick<ReadJob, 'manifest' | 'secret' | 'get'>): AsyncGenerator<DocumentEntry, void, undefined> {
  const reader = new DocumentListReader()
  const read = () => readFileParts(documents, get, documentListBytesMax)
  for await (const part of unsealParts(namesKey(secret), documents.bytes, read, 'the list of documents'))
    yield* reader.push(part, false)
  yield* reader.push(new Uint8Array(0), true)
}

/** Yields every page of the job, or of the shards that `reads` names, in the order of its submission. */
export async function* pagesOf(
  job: ReadJob,
  reads: (position: number) => boolean = () => true,
): AsyncGenerator<PageOutcome, void, undefined> {
  const { manifest, shards, verdicts, secret, get, end } = job
  const byPosition = new Map(verdicts.map((verdict) => [verdict.position, verdict]))
  const places = placesOf(documentsOf(job))
  for (const [position, entry] of shards.entries()) {
    if (!reads(position)) {
      for (let i = 0; i < entry.pages; i += 1) await places.next()
      continue
    }
    const key = shardKey(secret, position)
    const records = recordsOf(manifest, entry, byPosition.get(position), key, get, end)
    let found: PageRecord | string = ''
    for (let i = 0; i < entry.pages; i += 1) {
      // What it says last holds for all pages that are left of the shard.
      if (i === 0 || typeof found !== 'string') found = (await records.next()).value
      yield { position, ...(await places.next()).value!, found }
    }
  }
}

/** Shards cut the submission's pages in order, so that walking both in step names every page. */
async function* placesOf(
  documents: AsyncIterable<DocumentEntry>,
): AsyncGenerator<Omit<PageOutcome, 'found' | 'position'>> {
  let place = 0
  for await (const { name, pages, firstPage = 1 } of documents) {
    for (let page = 0; page < pages; page += 1) yield { place, document: name, page: firstPage + page }
    place += 1
  }
}

/** Yields the records of a shard's pages, and says at last why there are no more. */
async function* recordsOf(
  manifest: Manifest,
  entry: ShardEntry,
  verdict: ShardVerdict | undefined,
  key: Uint8Array,
  get: GetBlock,
  end: JobEnd['outcome'] | null,
): AsyncGenerator<PageRecord, string, undefined> {
  if (verdict === undefined && end === null) return 'not verified yet'
  if (verdict === undefined && end === 'complete') return 'verified, but this node does not have it yet'
  if (verdict === undefined || verdict.because === 'ended')
    return `not verified before the job ${end === 'cancelled' ? 'was cancelled' : 'failed'}`
  if (verdict.result === null) return `its shard failed: ${verdict.because}`
  const bytes = await get(verdict.result)
  if (bytes === undefined) return `its result ${verdict.result} is damaged or gone from this node`
  try {
    for await (const records of readPages(manifest, bytes, entry.pages, key, get)) yield* records
  } catch (error) {
    if (error instanceof PartMissing) return `its result ${verdict.result} is damaged: ${error.message}`
    // Nobody has looked into a result of a blind job until now.
    if (error instanceof Unsealable || error instanceof ProtocolError)
      return `its result ${verdict.result} is none, though its vehicles agree on it: ${error.message}`
    throw error
  }
  return `its result ${verdict.result} has no more pages`
}

/** Counts the documents as their submitter named them. Throws as `documentsOf`. */
export async function countNamed(job: Pick<ReadJob, 'manifest' | 'secret' | 'get'>): Promise<number> {
  let [count, last]: [number, string | undefined] = [0, undefined]
  for await (const { name } of documentsOf(job)) {
    if (name !== last) count += 1
    last = name
  }
  return count
}
