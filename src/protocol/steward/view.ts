/** How a job stands for the steward that acts for it: it has looked at claims that nobody has decided yet. */

import type { ShardVerdict } from '../job/verdict.ts'
import {
  type CountedClaim,
  decidedClaims,
  type JobView,
  paymentOf,
  type ShardStanding,
} from '../state/job-view.ts'
import type { Desk } from './desk.ts'
import { availableOwners } from './roster.ts'
import type { ShardState } from './shard-state.ts'

export function viewOf(desk: Desk): JobView {
  const shards = { total: 0, queued: 0, leased: 0, returned: 0, verified: 0, disputed: 0, failed: 0 }
  const pages = { total: 0, verified: 0 }
  let executions = 0
  for (const shard of desk.board.states) {
    shards.total += 1
    executions += shard.executions
    pages.total += shard.entry.pages
    if (shard.verdict?.outcome === 'accepted') pages.verified += shard.entry.pages
    shards[stateOf(shard)] += 1
  }
  return {
    shards,
    pages,
    executions,
    owners: { needed: desk.options.manifest.assurance.replicas, available: availableOwners(desk) },
    contradicted: [...desk.board.contradicted].sort(),
    payment: paymentOf(desk.state, verdictsOf(desk)),
    end: desk.end ?? null,
  }
}

/** Verdicts so far, in the order of shards. */
export function verdictsOf({ board }: Desk): ShardVerdict[] {
  return board.states.flatMap((shard) => (shard.verdict === undefined ? [] : [shard.verdict]))
}

/** Every claim that was counted, with the verdict on its shard where there is one. */
export function* claimsOf({ board, state }: Desk): Generator<CountedClaim> {
  yield* decidedClaims(state, (position) => board.states[position]?.verdict)
  for (const shard of board.open) for (const claim of shard.claims) yield { claim, verdict: undefined }
}

/** How each shard stands, in their order. */
export function standingsOf({ board }: Desk): ShardStanding[] {
  return board.states.map(stateOf)
}

function stateOf(shard: ShardState): ShardStanding {
  if (shard.verdict?.because === 'ended') return 'returned'
  if (shard.verdict !== undefined) return shard.verdict.outcome === 'accepted' ? 'verified' : 'failed'
  if (shard.tally.state === 'open' && shard.tally.disputed) return 'disputed'
  if (shard.claims.length > 0) return 'returned'
  return shard.holders.size > 0 ? 'leased' : 'queued'
}
