/** Results: a job's verified pages, in the order of its submission, and what is missing from them. */
import {
  type DocumentEntry,
  decodeDocumentList,
  decodeResult,
  type Manifest,
  type PageRecord,
  type ShardEntry,
} from '../protocol/job.ts'
import type { ShardVerdict } from '../protocol/verdict.ts'
import type { ResultLine, ResultsEnd } from './api.ts'
import { namesKey, unseal } from './sealing.ts'
import { type GetBlock, readFile } from './store/files.ts'

export async function* readResults(
  manifest: Manifest,
  shards: readonly ShardEntry[],
  verdicts: readonly ShardVerdict[],
  secret: Uint8Array,
  get: GetBlock,
): AsyncGenerator<ResultLine, ResultsEnd, undefined> {
  const list = await readFile(manifest.documents.file, get, manifest.documents.bytes)
  const documents = decodeDocumentList(unseal(namesKey(secret), list, 'the list of documents'))
  const byPosition = new Map(verdicts.map((verdict) => [verdict.position, verdict]))
  const pages = pagesOf(documents)
  const missing: { document: string; page: number; why: string }[] = []
  for (const [position, entry] of shards.entries()) {
    const outcome = await outcomeOf(entry, byPosition.get(position), get)
    for (let i = 0; i < entry.pages; i += 1) {
      const { document, page } = pages.next().value!
      if (typeof outcome === 'string') missing.push({ document, page, why: outcome })
      else {
        yield lineOf(document, page, outcome[i]!)
      }
    }
  }
  return { pages: manifest.shards.pages, missing }
}

/** Shards cut the submission's pages in order, so that walking both in step names every page. */
function* pagesOf(documents: readonly DocumentEntry[]): Generator<{ document: string; page: number }> {
  for (const { name, pages } of documents)
    for (let page = 1; page <= pages; page += 1) yield { document: name, page }
}

async function outcomeOf(
  entry: ShardEntry,
  verdict: ShardVerdict | undefined,
  get: GetBlock,
): Promise<readonly PageRecord[] | string> {
  if (verdict === undefined) return 'not verified yet'
  if (verdict.result === null) return `its shard failed: ${verdict.because}`
  const bytes = await get(verdict.result)
  if (bytes === undefined) return `its result ${verdict.result} is damaged or gone from this node`
  return decodeResult(bytes, entry.pages).records
}

function lineOf(document: string, page: number, record: PageRecord): ResultLine {
  if (record.error !== null) return { document, page, result: null, error: record.error }
  return { document, page, result: JSON.parse(Buffer.from(record.output).toString()), error: null }
}
