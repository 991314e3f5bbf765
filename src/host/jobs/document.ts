/** A job's document as it was submitted: unsealed from the blocks of this node, or of a steward that still has them. */
import { decodeShard } from '../../protocol/job/shard.ts'
import { documentBytesMax } from '../../protocol/limits.ts'
import { RequestError } from '../errors.ts'
import { shardKey } from '../sealing/sealing.ts'
import { openDocument } from '../sealing/stored-document.ts'
import { StoreError } from '../store/errors.ts'
import { readFile } from '../store/files.ts'
import { documentsOf, type ReadJob } from './results.ts'

type Job = Pick<ReadJob, 'manifest' | 'shards' | 'secret' | 'get'>

/** A document, or the part of one that has a page; `firstPage`, counted from 1, and `pages` say which pages those are. */
export interface StoredPart {
  readonly bytes: Uint8Array
  readonly firstPage: number
  readonly pages: number
}

/** `wanted`: a page, counted from 1. Throws RequestError where there is no such page, or this node cannot get it. */
export async function readJobDocument(job: Job, name: string, wanted: number): Promise<StoredPart> {
  const { shards, secret, get } = job
  const { at: firstPage, ...part } = await partWith(job, name, wanted)
  let page = 0
  for (const [position, { shard, pages }] of shards.entries()) {
    page += pages
    if (page <= firstPage) continue
    try {
      const block = await get(shard)
      if (block === undefined) throw new StoreError({ code: 'block-missing', cid: shard })
      const reference = decodeShard(block).pages[firstPage - (page - pages)]!
      const { document, bytes } = reference
      const file = await readFile({ file: document, bytes }, get, documentBytesMax)
      return { bytes: openDocument(file, reference, shardKey(secret, position)), ...part }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      throw new RequestError(
        `the document ${name} is not on this node: ask on the machine that the job was submitted from`,
      )
    }
  }
  throw new RequestError(`the job has no page of the document ${name}`)
}

/** `at`: the place of its first page among all pages of the job. */
async function partWith(
  job: Job,
  name: string,
  wanted: number,
): Promise<{ readonly at: number; readonly firstPage: number; readonly pages: number }> {
  let at = 0
  for await (const { name: own, pages, firstPage = 1 } of documentsOf(job)) {
    if (own === name && wanted >= firstPage && wanted < firstPage + pages) return { at, firstPage, pages }
    at += pages
  }
  throw new RequestError(`the job has no page ${wanted} of a document ${name}`)
}
