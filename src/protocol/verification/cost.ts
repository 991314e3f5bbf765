/**
 * Computes the cost of a job before it runs: the cost to expect, and the cost when much goes wrong. Where the length of results is
 * open, units are the most that there can be.
 *
 *   expected = units × executions × the mean price        while nobody lies, drives off or dawdles
 *   worst    = units × (executions + one copy + a dispute) × the highest price, of every shard
 *
 * Executions are those that vehicles are paid for: unanimous replicas; or fewer of them, and of every window so many
 * checks, unless the steward checks by itself. The draw is uniform over owners, then over an owner's vehicles, so the
 * mean is taken in that order. In a dispute one claim contradicts, which is not owed and yet binds what its lease promised;
 * owners decide it at a lead of d, with d + 1 claims that agree; a steward that recomputes decides it with those that
 * are there. A speculative copy is one more claim that agrees.
 *
 * Neither is a bound: the budget is. A vehicle that leaves without a word binds what its lease promised for a while, and a
 * steward that dies takes with it what it had left of its part (allowance.ts).
 */
import type { Micros } from '../price.ts'
import type { Plan } from './plan.ts'
import { type Offers, type PriceSpread, spreadOf } from './spread.ts'

/** The work that is paid: units in so many shards, at a price for `per` of them; left out: for one. */
export interface Work {
  readonly units: number
  readonly shards: number
  readonly per?: number
  /** How many shards the first leases have, on average; left out: one. */
  readonly leaseShards?: number
  /** Leases that all vehicles can have at a time; left out: as many as matter. */
  readonly places?: number
}

export interface Cost {
  readonly expectedMicros: Micros
  readonly worstMicros: Micros
  /** How far the cost may be from the expected one, by whom the draw names. */
  readonly spread: PriceSpread
}

/** Null when nobody offers anything, or the sum is more than can be counted. */
export function costOf(
  { replicas, lead, audits, executionsPerShard }: Plan,
  { units, shards, per = 1, leaseShards = 1, places = 2 * shards * executionsPerShard }: Work,
  offers: Offers,
  arbiter: 'owners' | 'steward',
): Cost | null {
  if (offers.length === 0) return null
  const executions = audits?.auditor === 'steward' ? audits.replicas : executionsPerShard
  const disputed = arbiter === 'steward' ? replicas + 1 : lead + 2
  const highest = offers.reduce((max, { unitMicros }) => Math.max(max, unitMicros), 0)
  // A begun micro of a shard is a whole one.
  const rounded = per === 1 ? 0 : shards
  const executionsMax = Math.max(executions, disputed) + 1
  const expectedMicros = Math.ceil(executions * ((units * meanPrice(offers)) / per + rounded))
  const worstMicros = Math.ceil(executionsMax * ((units * highest) / per + rounded))
  if (!Number.isSafeInteger(expectedMicros) || !Number.isSafeInteger(worstMicros)) return null
  const drawn = { executions, units: units / per, shards, leaseShards, places }
  return { expectedMicros, worstMicros, spread: spreadOf(drawn, offers) }
}

function meanPrice(offers: Offers): number {
  const byOwner = Map.groupBy(offers, ({ owner }) => owner)
  return mean([...byOwner.values()].map((ofOwner) => mean(ofOwner.map(({ unitMicros }) => unitMicros))))
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length
}
