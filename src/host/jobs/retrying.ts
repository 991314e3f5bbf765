/**
 * Describes a new job of the documents of another one that have no output: with the same options, assurance and prices, and from
 * the blocks that the other one has on this disk, so that nobody needs the files any more.
 */
import { createHash } from 'node:crypto'
import type { JobId } from '../../protocol/ids.ts'
import type { Assurance, FileReference, Manifest } from '../../protocol/job/manifest.ts'
import { decodeShard } from '../../protocol/job/shard.ts'
import { shardCostMsTarget } from '../../protocol/limits.ts'
import type { SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { shardKey, unwrapKey } from '../sealing/sealing.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { JobBlocks } from '../store/job-blocks.ts'
import { Catalogue } from '../submission/catalogue.ts'
import type { JobDescription } from '../submission/description.ts'
import type { InspectedDocument } from '../submission/packer.ts'
import { Samples } from '../submission/samples.ts'
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
  const documents = new Catalogue(store)
  try {
    return await use(await describeRetry(ended, { staged, documents }))
  } finally {
    await documents.letGo()
    await staged.letGo()
  }
}

async function describeRetry(
  ended: EndedJob,
  { staged, documents }: Pick<JobDescription, 'staged' | 'documents'>,
): Promise<JobDescription> {
  const { job, manifest } = ended
  const take = async (file: FileReference, kind: 'input' | 'weights') => {
    if (!(await staged.takeFile(file, kind))) throw gone(job)
  }
  for await (const document of failedDocuments(ended)) {
    await take(document, 'input')
    await documents.add(document)
  }
  if (documents.count === 0)
    throw new RequestError(`no document of job ${job} failed: there is nothing to do again`)
  for (const file of manifest.weights) await take(file, 'weights')
  return {
    request: requestOf(ended),
    payment: manifest.payment,
    documents,
    leftOut: [],
    refused: [],
    // What they cost is known from the other job.
    samples: new Samples(),
    weights: manifest.weights,
    staged,
    requestDigest: await digestOf(job, documents),
  }
}

/** The same for the same documents of the same job. */
async function digestOf(job: JobId, documents: Catalogue): Promise<string> {
  const hash = createHash('sha256').update(`carpool/retry/${job}`)
  for await (const part of documents.list()) hash.update(part)
  return hash.digest('hex')
}

/** Yields those with a page that has no output, in their order. A document is done again as a whole. */
async function* failedDocuments(ended: EndedJob): AsyncGenerator<InspectedDocument> {
  const failed = new Set<number>()
  for await (const { place, found } of pagesOf(ended))
    if (typeof found === 'string' || found.error !== null) failed.add(place)
  let shard: OpenShard | undefined
  let [place, firstPage] = [0, 0]
  for await (const { name, file, bytes, pages, firstPage: own } of documentsOf(ended)) {
    if (failed.has(place)) {
      shard = await shardWith(ended, firstPage, shard)
      const part = own === undefined ? {} : { firstPage: own }
      yield { name, file, bytes, pages, ...part, ...shard.page(firstPage) }
    }
    place += 1
    firstPage += pages
  }
}

interface OpenShard {
  readonly firstPage: number
  readonly position: number
  readonly pages: number
  /** `at`: counted over all pages of the job. */
  page(at: number): Pick<InspectedDocument, 'key' | 'slice' | 'units' | 'pageCostMs'>
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
    page: (page) => {
      const { key: wrapped, slice, units } = pages[page - firstPage]!
      return {
        key: unwrapKey(key, wrapped, 'the key of a document'),
        slice,
        units,
        pageCostMs: Math.min(shardCostMsTarget, entry.costMs / entry.pages),
      }
    },
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
    ...submitDefaults,
    paths: [],
    runtime,
    engine: engine.name,
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
  const { unit: _, ...asked } = payment
  return asked
}
