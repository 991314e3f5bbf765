/** Scenarios: what a virtual world is made of, and what goes wrong in it. Times in milliseconds, shares from 0 to 1. */
export interface Scenario {
  readonly name: string
  readonly vehicles: number
  readonly jobs: number
  readonly shardsPerJob: number
  readonly shardCostMs: number
  readonly standbys: number
  readonly network: {
    readonly latencyMs: number
    readonly loss: number
    readonly duplication: number
    /** Mean time between partitions that cut a random half off, one way in one case of three; 0: none. */
    readonly partitionEveryMs: number
  }
  /** Mean time between crashes of each node, and between pauses of a minute; 0: none. */
  readonly crashEveryMs: number
  readonly pauseEveryMs: number
  /** Of stewards, of those crashes: the machine never comes back. */
  readonly lostForGood: number
  /** Mean time parked, and mean time on the road; 0: nobody drives. */
  readonly parkedMs: number
  readonly drivingMs: number
  /** Share of owners who lie, together and about every shard. */
  readonly liars: number
}

const calm: Scenario = {
  name: 'calm',
  vehicles: 20,
  jobs: 3,
  shardsPerJob: 40,
  shardCostMs: 2_000,
  standbys: 2,
  network: { latencyMs: 40, loss: 0, duplication: 0, partitionEveryMs: 0 },
  crashEveryMs: 0,
  pauseEveryMs: 0,
  lostForGood: 0,
  parkedMs: 0,
  drivingMs: 0,
  liars: 0,
}

/** By name. A robotaxi is on the road 50 hours a week, a private car 7. */
export const scenarios: Readonly<Record<string, Scenario>> = Object.fromEntries(
  (
    [
      calm,
      { ...calm, name: 'lossy', network: { ...calm.network, loss: 0.3, duplication: 0.5 } },
      { ...calm, name: 'partitions', network: { ...calm.network, loss: 0.05, partitionEveryMs: 90_000 } },
      { ...calm, name: 'crashes', crashEveryMs: 180_000, pauseEveryMs: 600_000 },
      { ...calm, name: 'lost-stewards', crashEveryMs: 240_000, lostForGood: 0.5 },
      { ...calm, name: 'commuters', parkedMs: 120_000, drivingMs: 50_000 },
      { ...calm, name: 'liars', liars: 0.1 },
      {
        ...calm,
        name: 'chaos',
        network: { latencyMs: 120, loss: 0.1, duplication: 0.2, partitionEveryMs: 120_000 },
        crashEveryMs: 240_000,
        pauseEveryMs: 900_000,
        parkedMs: 300_000,
        drivingMs: 60_000,
        liars: 0.05,
      },
    ] satisfies Scenario[]
  ).map((scenario) => [scenario.name, scenario]),
)
