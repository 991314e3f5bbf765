/**
 * The spread of a job's cost, and the chance that a budget suffices: what an honest job costs depends on the owners that are
 * drawn, since they ask different prices.
 *
 * A vehicle has places for leases, two for each slot, and whoever was drawn has one less until it is done. So over a long job all
 * places get about as many leases, and only what is left of the last round is chance: l leases drawn from p places without return, of
 * b shards each, at prices of variance V. The variance is largest where half of the places are left, and a long job ends anywhere:
 *
 *   variance = l × (p−l)/(p−1) × (b × units of a shard)² × V,      l = min(leases, p/2)
 *
 * V is that of a vehicle drawn as the steward draws, first the owner and then its vehicle. Leases become smaller as a job nears its end; half of
 * the first's size counts. The sum is taken for normal.
 *
 * A budget must be a little larger than the cost: the last shards wait until half of the owners can be paid, and copies at the
 * end of a job are paid where there is money for them. Both together come to four executions at the dearest price instead of
 * the mean (measured in the simulator, for jobs of 40 to 300 shards).
 *
 * All of it holds where nobody leaves, dawdles or disagrees, and where owners are about as quick as each other. It is a guess with known
 * errors: in the simulated mesh of test/simulator/budgets.test.ts, with prices from nothing to the cap, at least as many jobs completed
 * as it says for the budgets that the test tries, from an even chance up; below that it said too much (44 % said, 30 % done). So a quote says
 * of a lower chance only that it is less than even.
 */
import type { OwnerId } from '../ids.ts'
import type { Micros } from '../price.ts'

/** Vehicles that a job can pay, and the price of a unit there. */
export type Offers = readonly { readonly owner: OwnerId; readonly unitMicros: Micros }[]

export interface PriceSpread {
  /** The standard deviation of the cost. */
  readonly deviationMicros: Micros
  /** By so much a budget must be above the cost. */
  readonly reserveMicros: Micros
  /** The cost where every shard has the cheapest owners, and where it has the dearest. */
  readonly leastMicros: Micros
  readonly mostMicros: Micros
}

/** `executions`: of each shard, those that are paid. `units`: of all shards, at the price for one. */
export interface Drawn {
  readonly executions: number
  readonly units: number
  readonly shards: number
  /** How many shards the first leases have, on average. */
  readonly leaseShards: number
  /** Leases that all vehicles can have at a time. */
  readonly places: number
}

/** Executions at the dearest price that a budget must have room for, beside those that are paid. */
const reserveExecutions = 4

export function spreadOf(
  { executions, units, shards, leaseShards, places }: Drawn,
  offers: Offers,
): PriceSpread {
  const owners = [...Map.groupBy(offers, ({ owner }) => owner).values()].map((ofOwner) =>
    momentsOf(ofOwner.map(({ unitMicros }) => unitMicros)),
  )
  const { mean, variance: between } = momentsOf(owners.map((owner) => owner.mean))
  const variance = between + momentsOf(owners.map((owner) => owner.variance)).mean
  const shardUnits = units / Math.max(1, shards)
  const bundle = Math.max(1, (1 + leaseShards) / 2)
  const drawn = Math.min((shards * executions) / bundle, places / 2)
  const leasesVariance = (drawn * Math.max(0, places - drawn)) / Math.max(1, places - 1)
  const prices = owners.map((owner) => owner.mean).sort((a, b) => a - b)
  const highest = offers.reduce((max, { unitMicros }) => Math.max(max, unitMicros), 0)
  return {
    deviationMicros: Math.ceil(bundle * shardUnits * Math.sqrt(leasesVariance * variance)),
    reserveMicros: Math.ceil(reserveExecutions * shardUnits * (highest - mean)),
    leastMicros: Math.floor(units * firstOf(prices, executions)),
    mostMicros: Math.ceil(units * firstOf(prices.reverse(), executions)),
  }
}

/** The chance that a budget suffices, whoever is drawn. */
export function chanceOf(
  budgetMicros: Micros,
  expectedMicros: Micros,
  { deviationMicros, reserveMicros, leastMicros, mostMicros }: PriceSpread,
): number {
  if (budgetMicros < leastMicros) return 0
  if (budgetMicros >= mostMicros + reserveMicros) return 1
  if (deviationMicros === 0) return budgetMicros >= expectedMicros + reserveMicros ? 1 : 0
  return belowNormal((budgetMicros - reserveMicros - expectedMicros) / deviationMicros)
}

/** The cost that is not exceeded in this share of jobs, above a half. */
export function quantileOf(
  share: number,
  expectedMicros: Micros,
  { deviationMicros, leastMicros, mostMicros }: PriceSpread,
): Micros {
  let [low, high] = [-10, 10]
  while (high - low > 1e-6) {
    const middle = (low + high) / 2
    if (belowNormal(middle) < share) low = middle
    else high = middle
  }
  const micros = Math.ceil(expectedMicros + high * deviationMicros)
  return Math.min(mostMicros, Math.max(leastMicros, micros))
}

/** The sum of as many of these as a shard is executed; the last one in part. */
function firstOf(prices: readonly number[], executions: number): number {
  let sum = 0
  for (let i = 0; i < executions; i += 1)
    sum += (prices[Math.min(i, prices.length - 1)] ?? 0) * Math.min(1, executions - i)
  return sum
}

function momentsOf(numbers: readonly number[]): { readonly mean: number; readonly variance: number } {
  const mean = numbers.reduce((sum, one) => sum + one, 0) / numbers.length
  const variance = numbers.reduce((sum, one) => sum + (one - mean) ** 2, 0) / numbers.length
  return { mean, variance }
}

/** The share of a standard normal below x: Abramowitz and Stegun, 7.1.26, right to 1.5e-7. */
export function belowNormal(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2)
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
  const tail = (poly * Math.exp((-x * x) / 2)) / 2
  return x < 0 ? tail : 1 - tail
}
