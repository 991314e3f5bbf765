/** The stderr of a job's modules, document by document, as one vehicle of those that agree has told it. */
import type { RecordId } from '../../protocol/ids.ts'
import { decodeKeptLog } from '../../protocol/job/receipt-log.ts'
import type { LogLine, LogsEnd } from '../api.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { documentsOf, type ReadJob } from './results.ts'

interface Told {
  readonly text: string
  /** The vehicle's result is what the verdict accepts. */
  readonly agreed: boolean
}

/** Yields what was written, in the order of the documents. */
export async function* readLogs(
  job: ReadJob,
  blocks: JobBlocks,
): AsyncGenerator<LogLine, LogsEnd, undefined> {
  const agreeing = new Map<number, ReadonlySet<RecordId>>(
    job.verdicts.map((verdict) => [verdict.position, new Set(verdict.agreeing)]),
  )
  const told = new Map<string, Told>()
  for (const cid of blocks.list('log')) {
    const bytes = await blocks.get(cid)
    if (bytes === undefined) continue
    const { receipt, pages } = decodeKeptLog(bytes)
    for (const { position, page, text } of pages) {
      const agreed = agreeing.get(position)?.has(receipt) ?? false
      const key = `${position}/${page}`
      const known = told.get(key)
      if (known === undefined || (agreed && !known.agreed)) told.set(key, { text, agreed })
    }
  }
  let count = 0
  if (told.size > 0)
    for await (const { document, page, key } of placesOf(job)) {
      const one = told.get(key)
      if (one === undefined) continue
      count += 1
      yield { document, page, ...one }
    }
  return { pages: job.manifest.shards.pages, logs: count }
}

/** Shards cut the pages of the submission in order. */
async function* placesOf(job: ReadJob): AsyncGenerator<{ document: string; page: number; key: string }> {
  let [position, inShard] = [0, 0]
  for await (const { name, pages } of documentsOf(job))
    for (let page = 1; page <= pages; page += 1) {
      if (inShard === job.shards[position]?.pages) {
        position += 1
        inShard = 0
      }
      yield { document: name, page, key: `${position}/${inShard}` }
      inShard += 1
    }
}
