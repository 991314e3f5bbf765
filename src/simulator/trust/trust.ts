/** The trust curve: the errors and costs of each policy, against the number of liars and their way of lying. */
import { Chance } from '../chance.ts'
import { type Attacker, attackers, Population } from './attackers.ts'
import { policies } from './policies.ts'
import type { Outcome } from './policy.ts'

export interface TrustPoint {
  readonly policy: string
  readonly attacker: Attacker
  readonly shardsPerVehicle: number
  /** The share of vehicles that lie. */
  readonly share: number
  /** Wrong results accepted, of all. */
  readonly error: number
  readonly executionsPerShard: number
  readonly shards: number
}

export interface TrustRun {
  readonly seed: number
  readonly vehicles: number
  /** Runs are repeated with new vehicles until so many shards were decided. */
  readonly shardsLeast: number
  readonly errorBound: number
  readonly colludingShare: number
}

export const trustShares = [0, 0.01, 0.05, 0.1, 0.2, 0.3] as const
export const trustSizes = [10, 100, 1_000] as const

export function* trustCurve(run: TrustRun): Generator<TrustPoint> {
  for (const shardsPerVehicle of trustSizes)
    for (const attacker of attackers)
      for (const share of trustShares)
        for (const policy of Object.keys(policies))
          yield trustPoint(run, policy, attacker, shardsPerVehicle, share)
}

export function trustPoint(
  { seed, vehicles, shardsLeast, errorBound, colludingShare }: TrustRun,
  policy: string,
  attacker: Attacker,
  shardsPerVehicle: number,
  share: number,
): TrustPoint {
  const total = { shards: 0, executions: 0, wrong: 0 }
  for (let round = 0; total.shards < shardsLeast; round += 1) {
    // Every policy meets the same liars, and the same draws.
    const name = `${attacker}/${shardsPerVehicle}/${share}/${round}`
    const outcome: Outcome = policies[policy]!({
      shards: vehicles * shardsPerVehicle,
      population: new Population(attacker, vehicles, share, new Chance(seed, `lies/${name}`)),
      chance: new Chance(seed, `draws/${name}`),
      errorBound,
      colludingShare,
    })
    total.shards += outcome.shards
    total.executions += outcome.executions
    total.wrong += outcome.wrong
  }
  return {
    policy,
    attacker,
    shardsPerVehicle,
    share,
    error: total.wrong / total.shards,
    executionsPerShard: total.executions / total.shards,
    shards: total.shards,
  }
}
