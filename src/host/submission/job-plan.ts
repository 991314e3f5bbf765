/** Plans a job: its engine, the number of owners that must agree, when they do, and the expected cost. */

import type { Agreement } from '../../protocol/job/agreement.ts'
import type { Assurance } from '../../protocol/job/manifest.ts'
import { formatMoney } from '../../protocol/price.ts'
import { type Cost, costOf } from '../../protocol/verification/cost.ts'
import type { Plan } from '../../protocol/verification/plan.ts'
import { limitsOf } from '../../protocol/verification/score.ts'
import { type EngineDescription, engineThatJudges } from '../../runtimes/messages.ts'
import { ownOptionsOf } from '../../runtimes/registry.ts'
import type { RequestedPayment, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'
import type { SessionSpec } from '../executor/contract.ts'
import { assuranceOf, type Market, plansOf, supplyOf, unanimousFor } from './assurance.ts'
import type { JobDescription } from './description.ts'
import { chooseEngine, type EngineMarket } from './engine-choice.ts'
import type { Measuring } from './measuring.ts'
import { unitOf } from './runtime-facts.ts'

export interface JobPlan {
  readonly engine: EngineDescription
  readonly shards: number
  /** The cheapest of those that meet the error bound. */
  readonly plan: Plan
  readonly assurance: Assurance
}

/** Plans a job of so many shards and units of work, at most, for the vehicles that are here. Throws RequestError. */
export function planJob(
  request: SubmitRequest,
  { shards, units }: { readonly shards: number; readonly units: number },
  market: Market & EngineMarket,
): JobPlan {
  const engine = chooseEngine(request, market, unanimousFor(request))
  const supply = supplyOf(market, request.runtime, engine.id, request.payment)
  const plan = plansOf(request, market, shards, supply, engine)[0]!
  const assurance = assuranceOf(request, market, plan, engine)
  const unit = unitOf(request.runtime, market.runtimes)
  const work = { shards, units, per: unit.pricedPer }
  const cost = costOf(plan, work, supply.offers, assurance.arbiter)
  refuseTooLittle(request.payment, cost, unit.isCounted === true)
  return { engine, shards, plan, assurance }
}

/** When two results of the job are one answer: where they are scored, within limits that are measured for the model. Throws RequestError where that cannot be done here. */
export async function agreementOf(
  { engine, assurance }: JobPlan,
  { request, samples }: JobDescription,
  weights: SessionSpec['weights'],
  { measuring, engines }: { readonly measuring: Measuring } & Pick<EngineMarket, 'engines'>,
): Promise<Agreement> {
  const { agreement } = engine
  if (typeof agreement !== 'object' || agreement.relation !== 'scored') return agreement
  const judge = engineThatJudges(engines, engine.id)
  if (assurance.arbiter !== 'steward' || judge === undefined)
    throw new RequestError(
      `the ${engine.engine} engine needs a steward that scores; leave out --arbiter owners`,
    )
  const { runtime, options } = request
  const session = { key: '', runtime, engine: judge.engine, options: ownOptionsOf(options), weights }
  const honest = await measuring.calibrate(samples, session)
  if (honest.length === 0)
    throw new RequestError(
      'this machine cannot answer any of the requests that it tried by this model, and so cannot measure by how much answers of others may differ; take --engine exact or native',
    )
  return { ...agreement, ...limitsOf(honest, agreement) }
}

/** Refuses a job that its budget must make fail. `isOpen`: results may take less than leases promise. Throws RequestError. */
function refuseTooLittle(payment: RequestedPayment | null, cost: Cost | null, isOpen: boolean): void {
  const budgetMicros = payment?.budgetMicros ?? null
  if (payment === null || budgetMicros === null || cost === null || budgetMicros >= cost.expectedMicros)
    return
  const [budget, expected] = [budgetMicros, cost.expectedMicros].map((m) => formatMoney(m, payment.currency))
  throw new RequestError(
    isOpen
      ? `a budget of ${budget} is less than the ${expected} that has to be set aside for answers as long as they may be; raise --budget, or lower max_tokens (carpool quote shows more)`
      : `a budget of ${budget} is less than the ${expected} that the job is expected to cost; raise --budget (carpool quote shows more)`,
  )
}
