/** What a request asks for, named: documents and weights by their content, wishes by their values. */
import { encodeList } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { type PlannedShard, splitIntoShards } from '../../protocol/job/split.ts'
import type { Payment } from '../../protocol/price.ts'
import { encodeCbor } from '../../protocol/record/block.ts'
import type { SubmitProgress, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { Executor } from '../executor/contract.ts'
import { documentKeys } from '../sealing/sealing.ts'
import { sha256 } from '../sha256.ts'
import type { SigningKey } from '../store/keys.ts'
import { unanimousFor } from './assurance.ts'
import { findDocuments } from './documents.ts'
import { inspect, nameOf } from './inspection.ts'
import type { StoredInputs } from './storing.ts'
import { readWeights, unitOf, weightSources } from './weights.ts'

export interface JobDescription extends StoredInputs {
  readonly payment: Payment | null
  readonly documentList: Uint8Array
  readonly planned: readonly PlannedShard[]
  /** The same for the same documents and wishes, whatever the time, the seeds, and who is around. */
  readonly requestDigest: string
}

/** Stores nothing. Throws RequestError. */
export async function describeJob(
  request: SubmitRequest,
  { executor, submitter }: { readonly executor: Executor; readonly submitter: SigningKey },
  onProgress: (progress: SubmitProgress) => void,
): Promise<JobDescription> {
  const payment = paymentOf(request)
  unanimousFor(request) // what no number of owners can give is refused before anything is read
  const sources = findDocuments(request.paths)
  const weights = await namedWeights(request, onProgress)
  const keyOf = documentKeys(submitter)
  const documents = await inspect(sources, request.runtime, executor, keyOf, onProgress)
  const documentList = encodeList(
    documents.map(({ name, file, bytes, pages }) => ({ name, file, bytes, pages })),
  )
  return {
    request,
    payment,
    sources,
    documents,
    documentList,
    planned: splitIntoShards(documents),
    weights,
    keyOf,
    requestDigest: digestOf(request, payment, weights, documentList),
  }
}

async function namedWeights(
  { runtime, module }: SubmitRequest,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Manifest['weights']> {
  const sources = weightSources(runtime, module)
  const weights: Manifest['weights'][number][] = []
  for (const [done, source] of sources.entries()) {
    onProgress({ step: 'importing-weights', done, total: sources.length })
    weights.push({ name: source.name, ...(await nameOf(readWeights(source))) })
  }
  return weights
}

/** Throws RequestError. */
function paymentOf({ runtime, payment }: SubmitRequest): Payment | null {
  if (payment === null) return null
  const { budgetMicros } = payment
  if (budgetMicros === null) throw new RequestError('a job that pays has a budget: add --budget 5EUR')
  return { ...payment, budgetMicros, unit: unitOf(runtime) }
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
