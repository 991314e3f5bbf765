/** Plans a job: its engine, the number of owners that must agree, and the expected cost. */

import type { Assurance } from '../../protocol/job/manifest.ts'
import { formatMoney } from '../../protocol/price.ts'
import { type Cost, costOf } from '../../protocol/verification/cost.ts'
import type { Plan } from '../../protocol/verification/plan.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { RequestedPayment, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import { assuranceOf, type Market, plansOf, supplyOf, unanimousFor } from './assurance.ts'
import { chooseEngine, type EngineMarket } from './engine-choice.ts'

export interface JobPlan {
  readonly engine: EngineDescription
  readonly shards: number
  /** The cheapest of those that meet the error bound. */
  readonly plan: Plan
  readonly assurance: Assurance
}

/** Plans a job of so many shards and pages, for the vehicles that are here. Throws RequestError. */
export function planJob(
  request: SubmitRequest,
  { shards, pages }: { readonly shards: number; readonly pages: number },
  market: Market & EngineMarket,
): JobPlan {
  const engine = chooseEngine(request, market, unanimousFor(request))
  const supply = supplyOf(market, request.runtime, engine.id, request.payment)
  const plan = plansOf(request, market, shards, supply, engine)[0]!
  const assurance = assuranceOf(request, market, plan, engine)
  refuseTooLittle(request.payment, costOf(plan, pages, supply.offers, assurance.arbiter))
  return { engine, shards, plan, assurance }
}

/** Refuses a job that its budget must make fail. Throws RequestError. */
function refuseTooLittle(payment: RequestedPayment | null, cost: Cost | null): void {
  const budgetMicros = payment?.budgetMicros ?? null
  if (payment === null || budgetMicros === null || cost === null || budgetMicros >= cost.expectedMicros)
    return
  const [budget, expected] = [budgetMicros, cost.expectedMicros].map((m) => formatMoney(m, payment.currency))
  throw new RequestError(
    `a budget of ${budget} is less than the ${expected} that the job is expected to cost; raise --budget (carpool quote shows more)`,
  )
}
