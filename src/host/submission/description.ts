/**
 * Describes the job that a request asks for: documents and weights by their content, which is put aside meanwhile,
 * and wishes by their values.
 */
import { createHash } from 'node:crypto'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { documentListBytesMax } from '../../protocol/limits.ts'
import type { Payment } from '../../protocol/price.ts'
import { encodeCbor, encodeHead } from '../../protocol/record/block.ts'
import type { LeftOut, RefusedDocuments, SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/contract.ts'
import { sealBytes } from '../sealing/sealing.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { SigningKey } from '../store/keys.ts'
import { unanimousFor } from './assurance.ts'
import { Catalogue } from './catalogue.ts'
import { paymentOf, refuseExcess } from './checks.ts'
import { type GivenDocuments, givenSources } from './given.ts'
import { type InspectionOptions, inspectFor } from './inspection.ts'
import { keepWeights } from './kept-weights.ts'
import { Refusals } from './refusals.ts'
import { Samples } from './samples.ts'
import { openSources } from './sources.ts'
import { Staging } from './staging.ts'

export interface JobDescription {
  readonly request: SubmitRequest
  readonly payment: Payment | null
  readonly documents: Catalogue
  readonly leftOut: readonly LeftOut[]
  readonly refused: readonly RefusedDocuments[]
  /** Some of the documents, to measure what they cost. */
  readonly samples: Samples
  readonly weights: Manifest['weights']
  /** The documents and the weights themselves. */
  readonly staged: Staging
  /** The same for the same documents and wishes, whatever the time, the seeds, and who is around. */
  readonly requestDigest: string
}

export interface DescriptionContext {
  readonly executor: Executor
  /** Those that this node knows; left out: those that come along. */
  readonly runtimes?: InspectionOptions['runtimes']
  readonly submitter: SigningKey
  readonly blocks: BlockStore
  /** The command's stdin, for a request that reads it. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
  /** The documents, where the request names no paths. */
  readonly given?: GivenDocuments | undefined
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
  const documents = new Catalogue(context.blocks)
  try {
    return await use(await describe(request, context, { staged, documents }, onProgress))
  } finally {
    await documents.letGo()
    await staged.letGo()
  }
}

async function describe(
  request: SubmitRequest,
  { executor, runtimes, submitter, stdin, given }: DescriptionContext,
  { staged, documents }: Pick<JobDescription, 'staged' | 'documents'>,
  onProgress: (progress: SubmitProgress) => void,
): Promise<JobDescription> {
  const payment = paymentOf(request, runtimes)
  refuseExcess(request, runtimes)
  unanimousFor(request) // what no number of owners can give is refused before anything is read
  const sources = given === undefined ? await openSources(request, stdin, runtimes) : givenSources(given)
  const weights = await keepWeights(request, executor, staged, onProgress, runtimes)
  const name = (sealed: Uint8Array) => staged.keep(sealed, 'input')
  const [samples, refusals] = [new Samples(), new Refusals()]
  const inspection = { executor, runtimes, submitter, samples, name, refusals, onProgress }
  for await (const document of inspectFor(request, sources, inspection)) {
    await documents.add(document)
    if (documents.listBytes > documentListBytesMax - sealBytes)
      throw new RequestError(
        `the names of ${documents.count} documents take ${documents.listBytes} bytes, and a job has room for ${documentListBytesMax}; submit fewer`,
      )
  }
  onProgress({ step: 'storing', done: documents.count, total: documents.count })
  await staged.flush()
  const requestDigest = await digestOf(request, payment, weights, documents, given?.salt)
  const [{ leftOut }, refused] = [sources, refusals.list()]
  return { request, payment, documents, leftOut, refused, samples, weights, staged, requestDigest }
}

async function digestOf(
  request: SubmitRequest,
  payment: Payment | null,
  weights: Manifest['weights'],
  documents: Catalogue,
  salt: string | undefined,
): Promise<string> {
  const { runtime, engine, errorBound, colludingShare, replicas, arbiter, selfCheck, blind, category } =
    request
  const { shardSize } = request
  const wish = {
    engine,
    errorBound,
    colludingShare,
    replicas,
    arbiter,
    selfCheck,
    isBlind: blind,
    shardSize,
    category,
    payment,
    ...(salt === undefined ? {} : { salt }),
  }
  // In dag-cbor the longest key comes last: the list follows, which is not in memory as a whole.
  const asked = { runtime, weights, documents: new Uint8Array(0), options: { ...request.options }, wish }
  const hash = createHash('sha256').update(encodeCbor(asked).slice(0, -1))
  hash.update(encodeHead('bytes', documents.listBytes))
  for await (const part of documents.list()) hash.update(part)
  return hash.digest('hex')
}
