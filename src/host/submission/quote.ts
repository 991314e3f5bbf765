/** Works out the cost of a submission, here and now. */
import { splitIntoShards } from '../../protocol/job/split.ts'
import { costOf } from '../../protocol/verification/cost.ts'
import type { Quote, SubmitProgress, SubmitRequest } from '../api.ts'
import type { Executor } from '../executor/contract.ts'
import type { SigningKey } from '../store/keys.ts'
import { assuranceOf, type Market, plansOf, supplyOf, unanimousFor } from './assurance.ts'
import { findDocuments } from './documents.ts'
import { chooseEngine, type EngineMarket } from './engine-choice.ts'
import { inspectFor, nameOf, pagesOf } from './inspection.ts'
import { weightSources } from './weights.ts'

export interface QuoteContext extends Market, EngineMarket {
  readonly executor: Executor
  readonly submitter: SigningKey
}

/** Says what this request would take, without storing or signing anything. Throws RequestError. */
export async function quoteJob(
  request: SubmitRequest,
  context: QuoteContext,
  onProgress: (progress: SubmitProgress) => void,
): Promise<Quote> {
  const { sources, leftOut } = await findDocuments(request.paths)
  weightSources(request.runtime, request)
  const engine = chooseEngine(request, context, unanimousFor(request))
  const { executor, submitter } = context
  const inspection = { executor, submitter, name: nameOf, onProgress }
  const { documents, refused } = await inspectFor(request, sources, inspection)
  const shards = splitIntoShards(documents)
  const supply = supplyOf(context, request.runtime, engine.id, request.payment)
  const costMs = shards.reduce((sum, shard) => sum + shard.costMs, 0)
  const units = pagesOf(shards)
  const isVouchedFor = context.fleet !== null
  return {
    documents: documents.length,
    leftOut,
    refused,
    pages: documents.reduce((sum, document) => sum + document.pages, 0),
    shards: shards.length,
    engine: `${engine.runtime}/${engine.engine}`,
    supply: { owners: supply.owners, slots: supply.slots },
    payment: request.payment,
    dearer: supply.dearer,
    plans: plansOf(request, context, shards.length, supply).map((plan) => ({
      ...plan,
      errorBound: isVouchedFor ? plan.errorBound : null,
      computeMs: Math.round(costMs * plan.executionsPerShard),
      elapsedMs: supply.slots === 0 ? null : Math.round((costMs * plan.executionsPerShard) / supply.slots),
      cost:
        request.payment === null
          ? null
          : costOf(plan, units, supply.offers, assuranceOf(request, context, plan).arbiter),
    })),
  }
}
