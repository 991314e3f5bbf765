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

/** Throws RequestError where there is no such document, or this node cannot get it. */
export async function readJobDocument(job: Job, name: string): Promise<Uint8Array> {
  const { shards, secret, get } = job
  const firstPage = await firstPageOf(job, name)
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
      return openDocument(file, reference, shardKey(secret, position))
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      throw new RequestError(
        `the document ${name} is not on this node: ask on the machine that the job was submitted from`,
      )
    }
  }
  throw new RequestError(`the job has no page of the document ${name}`)
}

async function firstPageOf(job: Job, name: string): Promise<number> {
  let page = 0
  for await (const document of documentsOf(job)) {
    if (document.name === name) return page
    page += document.pages
  }
  throw new RequestError(`the job has no document ${name}`)
}
