/**
 * The trust curve: delivered error and executions per shard against how many lie, and how, beside fixed quorums and
 * BOINC's adaptive rule on the same seeds. Every point is printed; `docs/trust.svg` shows the errors.
 */
import { writeFileSync } from 'node:fs'
import { attackers } from '../src/simulator/trust/attackers.ts'
import { policies } from '../src/simulator/trust/policies.ts'
import { type TrustPoint, trustCurve, trustSizes } from '../src/simulator/trust/trust.ts'
import type { BenchOptions, Figure } from './figure.ts'
import { plotTrust } from './trust-plot.ts'

const run = { seed: 1, vehicles: 100, errorBound: 1e-3, colludingShare: 0.05 }

export async function trust({ quick, note }: BenchOptions): Promise<Figure[]> {
  const points: TrustPoint[] = []
  for (const point of trustCurve({ ...run, shardsLeast: quick ? 20_000 : 100_000 })) {
    points.push(point)
    const { policy, attacker, shardsPerVehicle, share, error, executionsPerShard } = point
    note(
      `${shardsPerVehicle} shards a vehicle, ${share * 100} % ${attacker}, ${policy}: ` +
        `error ${error.toExponential(1)} at ${executionsPerShard.toFixed(2)} executions`,
    )
  }
  if (!quick) writeFileSync(new URL('../docs/trust.svg', import.meta.url), plotTrust(points, run.errorBound))
  return [
    ...attackers.flatMap((attacker) => trustSizes.map((size) => worst(points, attacker, size))),
    cost(points),
  ]
}

/** Where the plan promises its bound: at most the share of liars that was bought against. */
function worst(points: readonly TrustPoint[], attacker: TrustPoint['attacker'], size: number): Figure {
  const promised = points.filter(
    (point) =>
      point.attacker === attacker && point.shardsPerVehicle === size && point.share <= run.colludingShare,
  )
  const most = (policy: string) =>
    Math.max(...promised.filter((point) => point.policy === policy).map(({ error }) => error))
  return {
    name: `most error, up to 5 % ${attacker}, ${size} shards a vehicle`,
    unit: 'of shards',
    ours: most('carpool'),
    baseline: most('BOINC adaptive'),
    of: 'BOINC adaptive',
    goal: { value: 'ours', most: run.errorBound },
  }
}

function cost(points: readonly TrustPoint[]): Figure {
  const most = (policy: string) =>
    Math.max(
      ...points
        .filter((point) => point.policy === policy && point.shardsPerVehicle === 1_000)
        .filter(({ share }) => share <= run.colludingShare)
        .map(({ executionsPerShard }) => executionsPerShard),
    )
  return {
    name: 'most executions a shard, up to 5 % liars, 1,000 shards a vehicle',
    unit: '',
    ours: most('carpool'),
    baseline: most(Object.keys(policies).at(-1)!),
    of: 'BOINC adaptive',
    goal: { value: 'ours', most: 1.1 },
  }
}
