/**
 * Describes a new job of the documents of another one that have no output: with the same options, assurance and prices, and from
 * the blocks that the other one has on this disk, so that nobody needs the files any more.
 */
import type { JobId } from '../../protocol/ids.ts'
import { encodeList } from '../../protocol/job/lists.ts'
import type { Assurance, Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { splitIntoShards } from '../../protocol/job/split.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { shardKey, unwrapKey } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import type { JobDescription } from '../submission/description.ts'
import type { InspectedDocument } from '../submission/inspection.ts'
import { Staging } from '../submission/staging.ts'
import { submitDefaults } from '../submit-defaults.ts'
import type { KnownJob } from './job-rows.ts'
import { documentsOf, pagesOf, type ReadJob, readJobOf } from './results.ts'

/** The job of another node, or one that runs, is refused. Throws RequestError. */
export function endedJobOf(
  stewardship: CouncilDriver,
  { job, createdAtMs }: KnownJob,
  store: BlockStore,
): EndedJob {
  if (!stewardship.hasEnded)
    throw new RequestError(`job ${job} runs: wait for its end, or cancel it, and then try again what failed`)
  if (!stewardship.isSubmitters)
    throw new RequestError(`job ${job} was not submitted to this node: only that one has its documents`)
  return { ...readJobOf(stewardship), job, createdAtMs, blocks: store.of(job) }
}

/** A job that has ended, on the node that it was submitted to. */
export interface EndedJob extends ReadJob {
  readonly job: JobId
  readonly createdAtMs: number
  readonly blocks: JobBlocks
}

/**
 * Hands the description to `use`, and answers as that does. Throws RequestError where nothing failed, or where what it takes is
 * gone from this disk, and what `use` throws.
 */
export async function withRetry<Result>(
  ended: EndedJob,
  store: BlockStore,
  use: (described: JobDescription) => Promise<Result>,
): Promise<Result> {
  const staged = new Staging(store)
  try {
    return await use(await describeRetry(ended, staged))
  } finally {
    await staged.letGo()
  }
}

async function describeRetry(ended: EndedJob, staged: Staging): Promise<JobDescription> {
  const { job, manifest } = ended
  const documents = await failedDocuments(ended)
  if (documents.length === 0)
    throw new RequestError(`no document of job ${job} failed: there is nothing to do again`)
  for (const [files, kind] of [
    [documents, 'input'],
    [manifest.weights, 'weights'],
  ] as const)
    for (const file of files) if (!(await staged.takeFile(file, kind))) throw gone(job)
  const documentList = encodeList(
    documents.map(({ name, file, bytes, pages }) => ({ name, file, bytes, pages })),
  )
  const request = requestOf(ended)
  return {
    request,
    payment: manifest.payment,
    documents,
    leftOut: [],
    refused: [],
    documentList,
    planned: splitIntoShards(documents),
    weights: manifest.weights,
    staged,
    requestDigest: Buffer.from(sha256(encodeCbor({ retryOf: job, documents: documentList }))).toString('hex'),
  }
}

/** Those with a page that has no output, in their order. A document is done again as a whole. */
async function failedDocuments(ended: EndedJob): Promise<InspectedDocument[]> {
  const documents = await documentsOf(ended)
  const failed = new Set<number>()
  for await (const { place, found } of pagesOf(ended, documents))
    if (typeof found === 'string' || found.error !== null) failed.add(place)
  const inspected: InspectedDocument[] = []
  let shard: OpenShard | undefined
  let firstPage = 0
  for (const [place, { name, file, bytes, pages }] of documents.entries()) {
    if (failed.has(place)) {
      shard = await shardWith(ended, firstPage, shard)
      const { key, pageCostMs } = shard.page(firstPage)
      inspected.push({ name, file, bytes, pages, key, pageCostMs })
    }
    firstPage += pages
  }
  return inspected
}

interface OpenShard {
  readonly firstPage: number
  readonly position: number
  readonly pages: number
  /** `at`: counted over all pages of the job. */
  page(at: number): { readonly key: Uint8Array; readonly pageCostMs: number }
}

/** The shard of a page, looked for from where the last one was found. */
async function shardWith(
  { job, shards, secret, blocks }: EndedJob,
  at: number,
  last: OpenShard | undefined,
): Promise<OpenShard> {
  let [position, firstPage] = [last?.position ?? 0, last?.firstPage ?? 0]
  while (firstPage + shards[position]!.pages <= at) {
    firstPage += shards[position]!.pages
    position += 1
  }
  if (last?.position === position) return last
  const entry = shards[position]!
  const bytes = await blocks.get(entry.shard)
  if (bytes === undefined) throw gone(job)
  const { pages } = decodeShard(bytes)
  const key = shardKey(secret, position)
  return {
    firstPage,
    position,
    pages: entry.pages,
    page: (page) => ({
      key: unwrapKey(key, pages[page - firstPage]!.key, 'the key of a document'),
      pageCostMs: Math.min(shardCostMsTarget, entry.costMs / entry.pages),
    }),
  }
}

function gone(job: JobId): RequestError {
  return new RequestError(
    `the documents or the weights of job ${job} are not on this node any more: submit the files again`,
  )
}

/** Returns the request that the other job was, as far as a job says so. */
function requestOf({ manifest, createdAtMs }: EndedJob): SubmitRequest {
  const { runtime, engine, options, assurance, blind, shortage, deadlineMs, category, stewards } = manifest
  return {
    paths: [],
    strict: submitDefaults.strict,
    runtime,
    engine: engine.name,
    module: submitDefaults.module,
    languages: submitDefaults.languages,
    traineddata: submitDefaults.traineddata,
    options,
    errorBound: boundOf(assurance),
    colludingShare: assurance.colludingSharePpm / 1e6,
    // A few documents make no window that could be checked by drawing: each shard gets what the same bound takes without.
    replicas: assurance.replicas,
    deadlineMs: Math.max(1, deadlineMs - createdAtMs),
    shortage,
    arbiter: assurance.arbiter,
    selfCheck: false,
    standbys: stewards.length - 1,
    blind: blind !== null,
    category,
    payment: paymentOf(manifest),
  }
}

/** The bound from which the same lead follows (protocol/verification/plan.ts). */
function boundOf({ lead, colludingSharePpm }: Assurance): number {
  const share = colludingSharePpm / 1e6
  const odds = (share / (1 - share)) ** lead
  return odds > 0 ? odds / (1 + odds) : submitDefaults.errorBound
}

function paymentOf({ payment }: Manifest): SubmitRequest['payment'] {
  if (payment === null) return null
  const { currency, unitMicrosMax, budgetMicros } = payment
  return { currency, unitMicrosMax, budgetMicros }
}
