/** Results: a job's verified pages, in the order of its submission, and the list of missing ones. */
import { ProtocolError } from '../../protocol/errors.ts'
import { type DocumentEntry, decodeDocumentList, type ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { PageRecord } from '../../protocol/job/result.ts'
import type { JobEnd, ShardVerdict } from '../../protocol/job/verdict.ts'
import { documentListBytesMax } from '../../protocol/limits.ts'
import { deliveredOf } from '../../protocol/verification/delivery.ts'
import type { ResultLine, ResultsEnd } from '../api.ts'
import { PartMissing, readPages } from '../result-reader.ts'
import { namesKey, shardKey, Unsealable, unseal } from '../sealing/sealing.ts'
import { type GetBlock, readFile } from '../store/files.ts'

export async function* readResults(
  manifest: Manifest,
  shards: readonly ShardEntry[],
  verdicts: readonly ShardVerdict[],
  secret: Uint8Array,
  get: GetBlock,
  end: JobEnd['outcome'] | null,
): AsyncGenerator<ResultLine, Omit<ResultsEnd, 'doubts'>, undefined> {
  const list = await readFile(manifest.documents, get, documentListBytesMax)
  const documents = decodeDocumentList(unseal(namesKey(secret), list, 'the list of documents'))
  const byPosition = new Map(verdicts.map((verdict) => [verdict.position, verdict]))
  const pages = pagesOf(documents)
  const missing: { document: string; page: number; why: string }[] = []
  for (const [position, entry] of shards.entries()) {
    const key = shardKey(secret, position)
    const records = recordsOf(manifest, entry, byPosition.get(position), key, get, end)
    for (let i = 0; i < entry.pages; i += 1) {
      const { document, page } = pages.next().value!
      const next = await records.next()
      // What it says last holds for all pages that are left of the shard.
      if (next.done) {
        missing.push({ document, page, why: next.value })
        for (i += 1; i < entry.pages; i += 1) missing.push({ ...pages.next().value!, why: next.value })
        break
      }
      const delivered = deliveredOf(next.value, manifest.agreement)
      switch (delivered.state) {
        case 'output':
          yield { document, page, result: delivered.output, error: null }
          break
        case 'error':
          yield { document, page, result: null, error: delivered.error }
          break
        case 'none':
          missing.push({ document, page, why: `its output ${delivered.why}` })
      }
    }
  }
  return { pages: manifest.shards.pages, missing }
}

/** Shards cut the submission's pages in order, so that walking both in step names every page. */
function* pagesOf(documents: readonly DocumentEntry[]): Generator<{ document: string; page: number }> {
  for (const { name, pages, firstPage = 1 } of documents)
    for (let page = 0; page < pages; page += 1) yield { document: name, page: firstPage + page }
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
