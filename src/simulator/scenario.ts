/**
 * Scenarios: the size of a virtual world, and the trouble in it. All numbers: times in milliseconds, shares from 0 to
 * 1, mean intervals where 0 means never.
 *
 * A scenario is text, too: a line for each number that differs from the calm world's, '#' before a comment.
 */

export interface Scenario {
  readonly name: string
  readonly vehicles: number
  readonly jobs: number
  readonly shardsPerJob: number
  readonly shardCostMs: number
  /** Nodes that look after jobs; each job has one of them as its submitter's, and so many more as standbys. */
  readonly stewards: number
  readonly standbys: number
  /** The error bound that submitters buy, against a share of colluding owners; 0: two unanimous replicas. */
  readonly errorBound: number
  readonly colludingShare: number

  /** The most that a shard's execution costs, in micros, and the least a quarter of it; 0: nobody is paid. */
  readonly unitMicros: number
  /** The budget that submitters have for a job, as a multiple of the cost of all its shards once at that price. */
  readonly budget: number
  /** The share of jobs that their submitter's key cancels from a machine that is none of their stewards. */
  readonly cancelled: number

  // The network: 0.3 of messages lost means 3 in 10; a clog holds back what one node says to another for a while.
  readonly latencyMs: number
  readonly loss: number
  readonly duplication: number
  /** Partitions cut a random half off, one way in one case of three. */
  readonly partitionEveryMs: number
  readonly clogEveryMs: number

  // Each node's machine: crashes lose a part of what was not yet synced; pauses last a minute.
  readonly crashEveryMs: number
  readonly pauseEveryMs: number
  /** Clocks jump by up to ten minutes, either way. */
  readonly clockJumpEveryMs: number
  /** The share of stewards' crashes after which the machine never comes back. */
  readonly lostForGood: number
  readonly diskFullEveryMs: number
  /** A bit flips in a result on one steward's disk, or on a vehicle's. */
  readonly bitFlipEveryMs: number

  // Vehicles: mean time parked and on the road, for all; or a week's pattern for some of them.
  readonly parkedMs: number
  readonly drivingMs: number
  /** Share of vehicles on the road 50 hours a week, and of those that are 7. */
  readonly robotaxis: number
  readonly privateCars: number
  /** Share that takes ten times as long. */
  readonly slow: number

  // Liars, as shares of vehicles: each alone and always; all together under one owner; together under many owners,
  // always the same; and an informed cartel that lies only where it holds all leases of a shard.
  readonly liars: number
  readonly sameOwnerLiars: number
  readonly accomplices: number
  readonly cartel: number

  // Stewards that lie in every way that the wire allows (lying/ways.ts), as a share of all, drawn among those that
  // submit no job; how often each of them does; and one way alone, by its number from 1, where 0 means all. Henchmen are
  // vehicles of one owner that lie where such a steward asks them to, as a share of vehicles.
  readonly lyingStewards: number
  readonly lieEveryMs: number
  readonly lyingWay: number
  readonly henchmen: number

  // Vehicles that work for nothing, as shares of all: misers sign for results and never give them out; mutes report
  // progress for ever; grumblers decline every lease, and ask to be asked again at once.
  readonly misers: number
  readonly mutes: number
  readonly grumblers: number
}

export const calm: Scenario = {
  name: 'calm',
  vehicles: 20,
  jobs: 3,
  shardsPerJob: 40,
  shardCostMs: 2_000,
  stewards: 9,
  standbys: 2,
  errorBound: 0,
  colludingShare: 0.01,
  unitMicros: 0,
  budget: 0,
  cancelled: 0,
  latencyMs: 40,
  loss: 0,
  duplication: 0,
  partitionEveryMs: 0,
  clogEveryMs: 0,
  crashEveryMs: 0,
  pauseEveryMs: 0,
  clockJumpEveryMs: 0,
  lostForGood: 0,
  diskFullEveryMs: 0,
  bitFlipEveryMs: 0,
  parkedMs: 0,
  drivingMs: 0,
  robotaxis: 0,
  privateCars: 0,
  slow: 0,
  liars: 0,
  sameOwnerLiars: 0,
  accomplices: 0,
  cartel: 0,
  lyingStewards: 0,
  lieEveryMs: 0,
  lyingWay: 0,
  henchmen: 0,
  misers: 0,
  mutes: 0,
  grumblers: 0,
}

const presets: readonly (Partial<Scenario> & { readonly name: string })[] = [
  calm,
  { name: 'lossy', loss: 0.3, duplication: 0.5 },
  { name: 'partitions', loss: 0.05, partitionEveryMs: 90_000 },
  { name: 'clogs', loss: 0.05, duplication: 0.1, clogEveryMs: 10_000 },
  { name: 'crashes', crashEveryMs: 180_000, pauseEveryMs: 600_000, clockJumpEveryMs: 900_000 },
  { name: 'lost-stewards', shardsPerJob: 120, shardCostMs: 8_000, crashEveryMs: 120_000, lostForGood: 0.5 },
  { name: 'disks', crashEveryMs: 240_000, diskFullEveryMs: 120_000, bitFlipEveryMs: 20_000 },
  { name: 'commuters', parkedMs: 120_000, drivingMs: 50_000, slow: 0.2 },
  { name: 'liars', liars: 0.1, sameOwnerLiars: 0.1 },
  { name: 'accomplices', accomplices: 0.1 },
  { name: 'cartel', cartel: 0.15 },
  {
    name: 'shirkers',
    misers: 0.1,
    mutes: 0.1,
    grumblers: 0.1,
    liars: 0.05,
    sameOwnerLiars: 0.1,
    crashEveryMs: 240_000,
  },
  {
    name: 'audits',
    jobs: 2,
    shardsPerJob: 300,
    errorBound: 0.02,
    colludingShare: 0.1,
    crashEveryMs: 300_000,
    liars: 0.05,
    accomplices: 0.1,
  },
  {
    name: 'budget',
    unitMicros: 200,
    budget: 1.2,
    loss: 0.1,
    duplication: 0.1,
    partitionEveryMs: 60_000,
    crashEveryMs: 120_000,
    lostForGood: 0.1,
    parkedMs: 120_000,
    drivingMs: 50_000,
    slow: 0.1,
    liars: 0.05,
  },
  {
    name: 'chaos',
    unitMicros: 200,
    budget: 20,
    latencyMs: 120,
    loss: 0.1,
    duplication: 0.2,
    partitionEveryMs: 120_000,
    clogEveryMs: 30_000,
    crashEveryMs: 240_000,
    pauseEveryMs: 900_000,
    clockJumpEveryMs: 1_800_000,
    diskFullEveryMs: 300_000,
    parkedMs: 300_000,
    drivingMs: 60_000,
    slow: 0.1,
    liars: 0.05,
    sameOwnerLiars: 0.1,
  },
  {
    name: 'cancellations',
    stewards: 4,
    jobs: 4,
    shardsPerJob: 20,
    shardCostMs: 30_000,
    unitMicros: 200,
    budget: 20,
    cancelled: 0.75,
    loss: 0.1,
    duplication: 0.1,
    partitionEveryMs: 120_000,
    crashEveryMs: 180_000,
    pauseEveryMs: 600_000,
    lyingStewards: 0.25,
    lieEveryMs: 6_000,
  },
  {
    name: 'lying-steward',
    stewards: 4,
    jobs: 2,
    shardsPerJob: 30,
    shardCostMs: 8_000,
    unitMicros: 200,
    budget: 20,
    loss: 0.05,
    duplication: 0.1,
    partitionEveryMs: 240_000,
    crashEveryMs: 180_000,
    slow: 0.1,
    liars: 0.05,
    lyingStewards: 0.25,
    lieEveryMs: 6_000,
    henchmen: 0.15,
  },
  {
    name: 'lying-stewards',
    jobs: 2,
    shardsPerJob: 30,
    shardCostMs: 8_000,
    unitMicros: 200,
    budget: 20,
    loss: 0.05,
    duplication: 0.1,
    crashEveryMs: 180_000,
    lostForGood: 0.2,
    parkedMs: 300_000,
    drivingMs: 60_000,
    liars: 0.05,
    cartel: 0.1,
    lyingStewards: 0.34,
    lieEveryMs: 6_000,
    henchmen: 0.1,
  },
  {
    name: 'fleet',
    vehicles: 1_000,
    jobs: 24,
    shardsPerJob: 400,
    shardCostMs: 60_000,
    stewards: 30,
    crashEveryMs: 86_400_000,
    robotaxis: 0.2,
    privateCars: 0.8,
    slow: 0.1,
  },
]

/** By name. */
export const scenarios: Readonly<Record<string, Scenario>> = Object.fromEntries(
  presets.map((preset) => [preset.name, { ...calm, ...preset }]),
)

/** Those of a campaign: the fleet is for days of virtual time, and much larger. */
export const campaignScenarios: readonly string[] = Object.keys(scenarios).filter((name) => name !== 'fleet')

/** Throws Error with a sentence that names the line. */
export function parseScenario(text: string, name: string): Scenario {
  const scenario: Record<string, string | number> = { ...calm, name }
  for (const [i, line] of text.split('\n').entries()) {
    const words = line.replace(/#.*/, '').trim().split(/\s+/)
    if (words[0] === '') continue
    const [key = '', value = '', ...rest] = words
    const number = Number(value)
    if (key === 'name' || !Object.hasOwn(calm, key))
      throw new Error(`line ${i + 1}: there is no '${key}' in a scenario; there are ${numberKeys.join(', ')}`)
    if (value === '' || rest.length > 0 || !(number >= 0))
      throw new Error(`line ${i + 1}: '${line.trim()}' should be a name and a number that is not negative`)
    scenario[key] = number
  }
  const parsed = scenario as unknown as Scenario
  for (const key of ['vehicles', 'jobs', 'shardsPerJob', 'stewards'] as const)
    if (parsed[key] < 1) throw new Error(`${key} should be at least 1`)
  if (parsed.stewards < 1 + parsed.standbys)
    throw new Error(`${parsed.stewards} stewards are too few for ${parsed.standbys} standbys and a submitter`)
  return parsed
}

/** Formats a scenario as text: its differences from the calm world. */
export function formatScenario(scenario: Scenario): string {
  return numberKeys
    .filter((key) => scenario[key] !== calm[key])
    .map((key) => `${key} ${scenario[key]}\n`)
    .join('')
}

const numberKeys = Object.keys(calm).filter((key): key is keyof Omit<Scenario, 'name'> => key !== 'name')
