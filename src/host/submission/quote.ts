/** Works out the cost of a submission, here and now. */
import { ShardCutter } from '../../protocol/job/split.ts'
import { costOf } from '../../protocol/verification/cost.ts'
import type { Quote, SubmitProgress, SubmitRequest } from '../api.ts'
import type { Executor } from '../executor/contract.ts'
import type { SigningKey } from '../store/keys.ts'
import { assuranceOf, type Market, plansOf, supplyOf, unanimousFor } from './assurance.ts'
import { chooseEngine, type EngineMarket } from './engine-choice.ts'
import { inspect, nameOf } from './inspection.ts'
import { Refusals } from './refusals.ts'
import { openSources } from './sources.ts'
import { weightSources } from './weights.ts'

export interface QuoteContext extends Market, EngineMarket {
  readonly executor: Executor
  readonly submitter: SigningKey
  /** What the command was given on stdin, for a request that reads it. */
  readonly stdin?: AsyncIterable<Uint8Array> | undefined
}

/** Says what this request would take, without storing or signing anything. Throws RequestError. */
export async function quoteJob(
  request: SubmitRequest,
  context: QuoteContext,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Quote> {
  const sources = await openSources(request, context.stdin)
  weightSources(request.runtime, request)
  const engine = chooseEngine(request, context, unanimousFor(request))
  const { runtime, strict } = request
  const { executor, submitter } = context
  const refusals = new Refusals()
  const inspection = { runtime, executor, submitter, name: nameOf, refusals, strict, onProgress }
  const cutter = new ShardCutter()
  let [documents, pages, shards, costMs] = [0, 0, 0, 0]
  for await (const document of inspect(sources, inspection)) {
    documents += 1
    pages += document.pages
    costMs += document.pages * document.pageCostMs
    for (const _ of cutter.push(document)) shards += 1
  }
  for (const _ of cutter.end()) shards += 1
  const supply = supplyOf(context, request.runtime, engine.id, request.payment)
  const isVouchedFor = context.fleet !== null
  return {
    documents,
    leftOut: sources.leftOut,
    refused: refusals.list(),
    pages,
    shards,
    engine: `${engine.runtime}/${engine.engine}`,
    supply: { owners: supply.owners, slots: supply.slots },
    payment: request.payment,
    dearer: supply.dearer,
    plans: plansOf(request, context, shards, supply).map((plan) => ({
      ...plan,
      errorBound: isVouchedFor ? plan.errorBound : null,
      computeMs: Math.round(costMs * plan.executionsPerShard),
      elapsedMs: supply.slots === 0 ? null : Math.round((costMs * plan.executionsPerShard) / supply.slots),
      cost:
        request.payment === null
          ? null
          : costOf(plan, pages, supply.offers, assuranceOf(request, context, plan).arbiter),
    })),
  }
}
