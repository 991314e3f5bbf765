/** Works out the cost of a submission, here and now. */
import { ShardCutter } from '../../protocol/job/split.ts'
import { costOf } from '../../protocol/verification/cost.ts'
import type { Quote, SubmitProgress, SubmitRequest } from '../api.ts'
import type { Executor } from '../executor/contract.ts'
import type { BlockStore } from '../store/blocks.ts'
import type { SigningKey } from '../store/keys.ts'
import { assuranceOf, plansOf, supplyOf, unanimousFor } from './assurance.ts'
import { Catalogue } from './catalogue.ts'
import { type Cutting, type CuttingMarket, planCutting } from './cutting.ts'
import { chooseEngine } from './engine-choice.ts'
import { inspectFor, nameOf } from './inspection.ts'
import { Refusals } from './refusals.ts'
import { unitOf } from './runtime-facts.ts'
import { Samples } from './samples.ts'
import { openSources } from './sources.ts'
import { weightSources, weightsAt } from './weights.ts'

export interface QuoteContext extends CuttingMarket {
  /** Where a long list of documents is put aside meanwhile. */
  readonly blocks: BlockStore
  readonly executor: Executor
  readonly submitter: SigningKey
  /** The command's stdin, for a request that reads it. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
}

/**
 * Says what this request would take, and keeps and signs nothing. Throws RequestError, and StoreError where the disk has no room for
 * a list of the documents.
 */
export async function quoteJob(
  request: SubmitRequest,
  context: QuoteContext,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Quote> {
  const catalogue = new Catalogue(context.blocks)
  try {
    return await quoteOf(request, catalogue, context, onProgress)
  } finally {
    await catalogue.letGo()
  }
}

async function quoteOf(
  request: SubmitRequest,
  catalogue: Catalogue,
  context: QuoteContext,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Quote> {
  const sources = await openSources(request, context.stdin, context.runtimes)
  const weights = weightsAt(
    request.runtime,
    weightSources(request.runtime, request, context.runtimes),
    context.runtimes,
  )
  const engine = chooseEngine(request, context, unanimousFor(request))
  const { executor, submitter, runtimes } = context
  const [samples, refusals] = [new Samples(), new Refusals()]
  const inspection = { executor, runtimes, submitter, samples, name: nameOf, refusals, onProgress }
  for await (const document of inspectFor(request, sources, inspection)) await catalogue.add(document)
  const { pages } = catalogue
  const toCut = { request, documents: catalogue, samples }
  const cutting = await planCutting(toCut, weights, context, onProgress)
  const shards = await shardsOf(catalogue, cutting)
  const supply = supplyOf(context, request.runtime, engine.id, request.payment)
  const isVouchedFor = context.fleet !== null
  return {
    documents: catalogue.named,
    leftOut: sources.leftOut,
    refused: refusals.list(),
    pages,
    units: catalogue.units ?? null,
    shards,
    runtime: request.runtime,
    engine: `${engine.runtime}/${engine.engine}`,
    supply: { owners: supply.owners, slots: supply.slots },
    payment: request.payment,
    dearer: supply.dearer,
    plans: plansOf(request, context, shards, supply, engine).map((plan) => ({
      ...plan,
      errorBound: isVouchedFor ? plan.errorBound : null,
      computeMs: Math.round(cutting.costMs * plan.executionsPerShard),
      elapsedMs:
        supply.slots === 0 ? null : Math.round((cutting.costMs * plan.executionsPerShard) / supply.slots),
      cost:
        request.payment === null
          ? null
          : costOf(
              plan,
              {
                shards,
                units: catalogue.mostUnits,
                per: unitOf(request.runtime, context.runtimes).pricedPer,
              },
              supply.offers,
              assuranceOf(request, context, plan, engine).arbiter,
            ),
    })),
  }
}

async function shardsOf(catalogue: Catalogue, { bounds, estimated }: Cutting): Promise<number> {
  const cutter = new ShardCutter(bounds)
  let shards = 0
  for await (const document of catalogue.documents())
    for (const _ of cutter.push(estimated(document))) shards += 1
  for (const _ of cutter.end()) shards += 1
  return shards
}
