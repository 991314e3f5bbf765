/** Turns a submitter's error bound into plans, here and now: all that meet it, and the one that a job gets. */
import { compareText } from '../../base/bytes.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { Assurance } from '../../protocol/job/manifest.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import { type Ask, isAffordable } from '../../protocol/price.ts'
import { leadFor, type Plan, plansFor, replicasFor } from '../../protocol/verification/plan.ts'
import { scoreCost } from '../../protocol/verification/score.ts'
import type { Offers } from '../../protocol/verification/spread.ts'
import type { EngineDescription } from '../../runtimes/messages.ts'
import type { Quote, RequestedPayment, SubmitRequest } from '../api.ts'
import { RequestError } from '../errors.ts'

export interface Market {
  readonly capacities: readonly Capacity[]
  /** The key of the fleet that vouches for owners; null in an open mesh. */
  readonly fleet: PeerId | null
  /** The owner whose voice this node is. */
  readonly owner: OwnerId
  readonly canRecompute: (runtime: string, engine: EngineDescription) => boolean
}

/** The supply for a job: owners that could execute it, and their slots together. */
export interface Supply {
  readonly owners: number
  readonly slots: number
  readonly offers: Offers
  /** Owners that could execute it, and ask more than it pays. */
  readonly dearer: Quote['dearer']
}

/**
 * The request as it is to be planned for an engine that only some owners have, by their own word: all that collude may be among those,
 * and then their share is higher there. `all`: owners of any engine.
 */
export function requestWithin(
  request: SubmitRequest,
  { agreement }: Pick<EngineDescription, 'agreement'>,
  owners: number,
  all: number,
): SubmitRequest {
  if (agreement !== 'class-bytes' || owners === 0) return request
  return {
    ...request,
    colludingShare: Math.min(1, (request.colludingShare * Math.max(all, owners)) / owners),
  }
}

/** Claims of the engine are judged by a score of what they say. */
export function isScored({ agreement }: Pick<EngineDescription, 'agreement'>): boolean {
  return typeof agreement === 'object' && agreement.relation === 'scored'
}

/** Owners, other than this node's, that have any engine. */
export function ownersAround({ capacities, owner: self }: Pick<Market, 'capacities' | 'owner'>): number {
  return new Set(
    capacities.flatMap(({ owner, slots }) => (owner === self || slots.total === 0 ? [] : [owner])),
  ).size
}

/** Voices that a shard may need, whatever the plan. Throws RequestError when no number meets the bound. */
export function unanimousFor({ replicas, errorBound, colludingShare }: SubmitRequest): number {
  return replicas ?? possible(() => replicasFor(errorBound, colludingShare))
}

export function supplyOf(
  { capacities, owner: self }: Market,
  runtime: string,
  engine: string,
  payment: RequestedPayment | null,
): Supply {
  const able = capacities.flatMap(({ engines, owner, slots }) => {
    const offered = engines.find((one) => one.runtime === runtime && one.id === engine)
    if (owner === self || slots.total === 0 || offered === undefined) return []
    return [{ owner, slots: slots.total, ask: offered.ask }]
  })
  const offering = able.filter(({ ask }) => isAffordable(ask, payment))
  const owners = new Set(offering.map(({ owner }) => owner))
  const dearer = able.filter(({ owner, ask }) => ask !== null && !owners.has(owner))
  const from = new Map<string, Ask>()
  for (const { ask } of dearer)
    if (ask !== null && ask.unitMicros < (from.get(ask.currency)?.unitMicros ?? Number.POSITIVE_INFINITY))
      from.set(ask.currency, ask)
  return {
    owners: owners.size,
    slots: offering.reduce((sum, { slots }) => sum + slots, 0),
    offers: offering.map(({ owner, ask }) => ({ owner, unitMicros: ask?.unitMicros ?? 0 })),
    dearer: {
      owners: new Set(dearer.map(({ owner }) => owner)).size,
      from: [...from.values()].sort((a, b) => compareText(a.currency, b.currency)),
    },
  }
}

/** The cheapest first; one only, when the submitter says how many replicas. Throws RequestError. */
export function plansOf(
  request: SubmitRequest,
  market: Market,
  shards: number,
  supply: Supply,
  engine: EngineDescription,
): Plan[] {
  const { errorBound, replicas, selfCheck, runtime, isFollowed = false } = request
  const { colludingShare } = requestWithin(request, engine, supply.owners, ownersAround(market))
  if (selfCheck && !market.canRecompute(runtime, engine))
    throw new RequestError(`this node cannot recompute ${runtime}; leave out --self-check`)
  return possible(() => {
    if (replicas === null) {
      const auditor = selfCheck ? 'steward' : 'owners'
      // Vehicles make a claim again, whatever the engine; a steward scores it where it can.
      const checkCost = selfCheck && isScored(engine) ? scoreCost : 1
      const { owners } = supply
      return plansFor({ errorBound, colludingShare, shards, owners, auditor, checkCost, isFollowed })
    }
    const lead = leadFor(errorBound, colludingShare)
    const guaranteed = colludingShare ** replicas
    return [
      {
        replicas,
        lead,
        audits: null,
        executionsPerShard: replicas,
        errorBound: guaranteed,
        ownersNeeded: replicas,
      },
    ]
  })
}

/** Throws RequestError. */
export function assuranceOf(
  request: SubmitRequest,
  market: Market,
  plan: Plan,
  engine: EngineDescription,
): Assurance {
  const { arbiter, runtime, colludingShare } = request
  const recomputes = market.canRecompute(runtime, engine)
  if (arbiter === 'steward' && !recomputes)
    throw new RequestError(`this node cannot recompute ${runtime}; use --arbiter owners`)
  return {
    replicas: plan.replicas,
    audits: plan.audits,
    lead: plan.lead,
    errorBoundPpb: market.fleet === null ? null : Math.ceil(plan.errorBound * 1e9),
    colludingSharePpm: Math.round(colludingShare * 1e6),
    arbiter: arbiter === 'steward' || (arbiter === 'auto' && recomputes) ? 'steward' : 'owners',
  }
}

function possible<Value>(plan: () => Value): Value {
  try {
    return plan()
  } catch (error) {
    if (error instanceof ProtocolError && error.refusal.code === 'impossible-bound')
      throw new RequestError(`no plan meets this error bound: ${error.refusal.why}`)
    throw error
  }
}
