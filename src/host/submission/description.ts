/**
 * Describes the job that a request asks for: documents and weights by their content, which is put aside meanwhile,
 * and wishes by their values.
 */
import { createHash } from 'node:crypto'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { documentListBytesMax, weightsBytesMax } from '../../protocol/limits.ts'
import type { Payment } from '../../protocol/price.ts'
import { encodeCbor, encodeHead } from '../../protocol/record/block.ts'
import { ownOptionsOf } from '../../runtimes/registry.ts'
import type { LeftOut, RefusedDocuments, SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/contract.ts'
import { sealBytes } from '../sealing/sealing.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { SigningKey } from '../store/keys.ts'
import { unanimousFor } from './assurance.ts'
import { Catalogue } from './catalogue.ts'
import { paymentOf, refuseExcess } from './checks.ts'
import { inspect } from './inspection.ts'
import { Refusals } from './refusals.ts'
import { Samples } from './samples.ts'
import { openSources } from './sources.ts'
import { Staging } from './staging.ts'
import { readWeights, weightSources } from './weights.ts'

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
  readonly submitter: SigningKey
  readonly blocks: BlockStore
  /** What the command was given on stdin, for a request that reads it. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
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
  { executor, submitter, stdin }: DescriptionContext,
  { staged, documents }: Pick<JobDescription, 'staged' | 'documents'>,
  onProgress: (progress: SubmitProgress) => void,
): Promise<JobDescription> {
  const { runtime, strict } = request
  const payment = paymentOf(request)
  refuseExcess(request)
  unanimousFor(request) // what no number of owners can give is refused before anything is read
  const sources = await openSources(request, stdin)
  const weights = await keepWeights(request, executor, staged, onProgress)
  const name = (sealed: Uint8Array) => staged.keep(sealed, 'input')
  const [samples, refusals] = [new Samples(), new Refusals()]
  const inspection = { runtime, executor, submitter, samples, name, refusals, strict, onProgress }
  for await (const document of inspect(sources, inspection)) {
    await documents.add(document)
    if (documents.listBytes > documentListBytesMax - sealBytes)
      throw new RequestError(
        `the names of ${documents.count} documents take ${documents.listBytes} bytes, and a job has room for ${documentListBytesMax}; submit fewer`,
      )
  }
  onProgress({ step: 'storing', done: documents.count, total: documents.count })
  await staged.flush()
  const requestDigest = await digestOf(request, payment, weights, documents)
  const [{ leftOut }, refused] = [sources, refusals.list()]
  return { request, payment, documents, leftOut, refused, samples, weights, staged, requestDigest }
}

async function keepWeights(
  request: SubmitRequest,
  executor: Executor,
  staged: Staging,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Manifest['weights']> {
  const { runtime, options } = request
  const sources = weightSources(runtime, request)
  const weights: Manifest['weights'][number][] = []
  let bytes = 0
  for (const [done, source] of sources.entries()) {
    onProgress({ step: 'importing-weights', done, total: sources.length })
    const file = readWeights(runtime, source)
    bytes += file.byteLength
    if (bytes > weightsBytesMax)
      throw new RequestError(
        `the ${source.name} at ${source.path} is too large: the weights of a job have at most ${weightsBytesMax} bytes together`,
      )
    if (source.path === request.module) {
      const fault = (await executor.tryModule?.(runtime, file, ownOptionsOf(options))) ?? null
      if (fault !== null)
        throw new RequestError(`no vehicle would run the module at ${source.path}: ${fault}`)
    }
    weights.push({ name: source.name, ...(await staged.keep(file, 'weights')) })
  }
  return weights
}

async function digestOf(
  request: SubmitRequest,
  payment: Payment | null,
  weights: Manifest['weights'],
  documents: Catalogue,
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
  }
  // In dag-cbor the longest key comes last: the list follows, which is not in memory as a whole.
  const asked = { runtime, weights, documents: new Uint8Array(0), options: { ...request.options }, wish }
  const hash = createHash('sha256').update(encodeCbor(asked).slice(0, -1))
  hash.update(encodeHead('bytes', documents.listBytes))
  for await (const part of documents.list()) hash.update(part)
  return hash.digest('hex')
}
