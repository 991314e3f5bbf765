/** Decides how a job's documents are cut into shards: by what the submitter says, or by what they cost. */
import { type SplitBounds, splitBounds } from '../../protocol/job/split.ts'
import { shardCostMsTarget, shardPagesMax } from '../../protocol/limits.ts'
import { ownOptionsOf } from '../../runtimes/registry.ts'
import type { SubmitProgress, SubmitRequest } from '../api.ts'
import type { SessionSpec } from '../executor/contract.ts'
import { type Market, supplyOf, unanimousFor } from './assurance.ts'
import type { Catalogue } from './catalogue.ts'
import { chooseEngine, type EngineMarket } from './engine-choice.ts'
import type { Measuring } from './measuring.ts'
import type { InspectedDocument } from './packer.ts'
import { namedWeightOf } from './runtime-facts.ts'
import type { Samples } from './samples.ts'

/** Replicas of a job where they follow from its error bound: most take two. */
const replicasUsual = 2

export interface Cutting {
  readonly bounds: SplitBounds
  /** The document with the cost and the output that it is cut by. */
  readonly estimated: (document: InspectedDocument) => InspectedDocument
  /** The cost of all pages. */
  readonly costMs: number
}

export interface ToCut {
  readonly request: SubmitRequest
  readonly documents: Pick<Catalogue, 'count' | 'pages' | 'bytes' | 'costMs'>
  readonly samples: Samples
}

export interface CuttingMarket extends Market, EngineMarket {
  readonly measuring: Measuring
}

/** `weights`: for a session that runs some of the documents. Throws RequestError where no engine may run the job. */
export async function planCutting(
  { request, documents, samples }: ToCut,
  weights: SessionSpec['weights'],
  market: CuttingMarket,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Cutting> {
  const { runtime, options, payment, replicas, shardSize } = request
  const engine = chooseEngine(request, market, unanimousFor(request))
  const guess = { estimated: (document: InspectedDocument) => document, costMs: documents.costMs }
  if (shardSize !== null) {
    const pagesMax = Math.min(shardSize, shardPagesMax)
    return { ...guess, bounds: { costMsMax: Number.POSITIVE_INFINITY, pagesMax } }
  }
  const { slots } = supplyOf(market, runtime, engine.id, payment)
  const boundsFor = (costMs: number) => splitBounds(costMs, replicas ?? replicasUsual, slots)
  // Where each page is a shard by itself already, no measure is needed.
  const isShared = documents.count > 1 && documents.costMs < documents.pages * shardCostMsTarget
  if (namedWeightOf(runtime, market.runtimes) === null || !isShared)
    return { ...guess, bounds: boundsFor(documents.costMs) }
  onProgress({ step: 'measuring', done: 0, total: 1 })
  const session = {
    key: 'measuring',
    runtime,
    engine: engine.engine,
    options: ownOptionsOf(options),
    weights,
  }
  const measure = await market.measuring.measure(samples, session)
  if (measure === null) return { ...guess, bounds: boundsFor(documents.costMs) }
  const costMs = documents.count * measure.costMsOf(documents.bytes / documents.count)
  return {
    bounds: boundsFor(costMs),
    estimated: (document) => ({
      ...document,
      pageCostMs: measure.costMsOf(lengthOf(document)),
      outputBytes: measure.outputBytesOf(lengthOf(document)),
    }),
    costMs,
  }
}

function lengthOf({ slice, bytes }: InspectedDocument): number {
  return slice?.bytes ?? bytes
}
