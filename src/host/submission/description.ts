/**
 * Describes the job that a request asks for: documents and weights by their content, which is put aside meanwhile,
 * and wishes by their values.
 */
import { encodeList } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { type PlannedShard, splitIntoShards } from '../../protocol/job/split.ts'
import { documentListBytesMax } from '../../protocol/limits.ts'
import type { Payment } from '../../protocol/price.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import type { LeftOut, RefusedDocuments, SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/contract.ts'
import { sealBytes } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { SigningKey } from '../store/keys.ts'
import { unanimousFor } from './assurance.ts'
import { paymentOf, refuseExcess } from './checks.ts'
import { findDocuments } from './documents.ts'
import { type InspectedDocument, inspectFor } from './inspection.ts'
import { keepWeights } from './kept-weights.ts'
import { Staging } from './staging.ts'

export interface JobDescription {
  readonly request: SubmitRequest
  readonly payment: Payment | null
  readonly documents: readonly InspectedDocument[]
  readonly leftOut: readonly LeftOut[]
  readonly refused: readonly RefusedDocuments[]
  readonly documentList: Uint8Array
  readonly planned: readonly PlannedShard[]
  readonly weights: Manifest['weights']
  /** The documents and the weights themselves. */
  readonly staged: Staging
  /** The same for the same documents and wishes, whatever the time, the seeds, and who is around. */
  readonly requestDigest: string
}

export interface DescriptionContext {
  readonly executor: Executor
  readonly submitter: SigningKey
  readonly blocks: BlockStore
}

/**
 * Reads what is asked for, hands its description to `use`, and answers as that does; then what no job has taken of it
 * is gone. Throws RequestError, StoreError when the disk does not take it, and what `use` throws.
 */
export async function withDescription<Result>(
  request: SubmitRequest,
  context: DescriptionContext,
  onProgress: (progress: SubmitProgress) => void,
  use: (described: JobDescription) => Promise<Result>,
): Promise<Result> {
  const staged = new Staging(context.blocks)
  try {
    return await use(await describe(request, context, staged, onProgress))
  } finally {
    await staged.letGo()
  }
}

async function describe(
  request: SubmitRequest,
  { executor, submitter }: DescriptionContext,
  staged: Staging,
  onProgress: (progress: SubmitProgress) => void,
): Promise<JobDescription> {
  const payment = paymentOf(request)
  refuseExcess(request)
  unanimousFor(request) // what no number of owners can give is refused before anything is read
  const { sources, leftOut } = await findDocuments(request.paths)
  const weights = await keepWeights(request, executor, staged, onProgress)
  const name = (sealed: Uint8Array) => staged.keep(sealed, 'input')
  const { documents, refused } = await inspectFor(request, sources, {
    executor,
    submitter,
    name,
    onProgress,
  })
  onProgress({ step: 'storing', done: sources.length, total: sources.length })
  await staged.flush()
  const documentList = encodeList(
    documents.map(({ name, file, bytes, pages, firstPage }) => ({
      name,
      file,
      bytes,
      pages,
      ...(firstPage === undefined ? {} : { firstPage }),
    })),
  )
  if (documentList.byteLength > documentListBytesMax - sealBytes)
    throw new RequestError(
      `the names of ${documents.length} documents take ${documentList.byteLength} bytes, and a job has room for ${documentListBytesMax}; submit fewer`,
    )
  const planned = splitIntoShards(documents)
  const requestDigest = digestOf(request, payment, weights, documentList)
  return {
    request,
    payment,
    documents,
    leftOut,
    refused,
    documentList,
    planned,
    weights,
    staged,
    requestDigest,
  }
}

function digestOf(
  request: SubmitRequest,
  payment: Payment | null,
  weights: Manifest['weights'],
  documents: Uint8Array,
): string {
  const { runtime, engine, errorBound, colludingShare, replicas, arbiter, selfCheck, blind, category } =
    request
  const wish = {
    engine,
    errorBound,
    colludingShare,
    replicas,
    arbiter,
    selfCheck,
    isBlind: blind,
    category,
    payment,
  }
  const asked = { runtime, weights, documents, options: { ...request.options }, wish }
  return Buffer.from(sha256(encodeCbor(asked))).toString('hex')
}
