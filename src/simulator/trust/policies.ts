/**
 * Ways to decide which results to accept, over the same vehicles, liars and draws: Carpool's (carpool.ts), and what others
 * do. Executions count all work, checks and recomputation
 * included. Nobody here is late or drives off: that costs all of them alike.
 */
import type { Chance } from '../chance.ts'
import { type Answer, type Population, truth } from './attackers.ts'
import { Carpool } from './carpool.ts'
import type { Job, Outcome, Policy } from './policy.ts'

export const policies: Readonly<Record<string, Policy>> = {
  carpool: (job) => new Carpool(job).run(),
  'quorum 2': (job) => quorum(job, 2),
  'quorum 3': (job) => quorum(job, 3),
  'BOINC adaptive': boincAdaptive,
}

/** Replicas of distinct vehicles until so many agree: BOINC's `min_quorum`, one result a user. */
function quorum(job: Job, needed: number): Outcome {
  let [executions, wrong] = [0, 0]
  for (let shard = 0; shard < job.shards; shard += 1) {
    const agreed = agree(job, needed, [])
    executions += agreed.executions
    if (agreed.answer !== truth) wrong += 1
  }
  return { shards: job.shards, executions, wrong }
}

interface Agreed {
  readonly answer: Answer
  readonly executions: number
  /** The vehicles that executed it, and their answers. */
  readonly votes: ReadonlyMap<number, Answer>
}

/** `first`: vehicles that are asked in any case. */
function agree({ population, chance }: Job, needed: number, first: readonly number[]): Agreed {
  const votes = new Map<number, Answer>()
  const owners = new Set(first.map((vehicle) => population.ownerOf(vehicle)))
  const asked = [...first]
  while (asked.length < needed) asked.push(drawOther(population, chance, owners))
  const counts = new Map<Answer, number>()
  for (let i = 0; ; i += 1) {
    if (i === asked.length) asked.push(drawOther(population, chance, owners))
    const vehicle = asked[i]!
    const before = i < needed ? [] : [...votes.values()]
    const answer = population.execute({ vehicle, together: asked.slice(0, needed), before, checks: 0 })
    votes.set(vehicle, answer)
    const count = (counts.get(answer) ?? 0) + 1
    counts.set(answer, count)
    if (count === needed) return { answer, executions: votes.size, votes }
  }
}

/** BOINC draws hosts; a user has one result of each job unit. */
function drawOther(population: Population, chance: Chance, owners: Set<number>): number {
  for (;;) {
    const vehicle = chance.between(0, population.vehicles - 1)
    const owner = population.ownerOf(vehicle)
    if (owners.has(owner)) continue
    owners.add(owner)
    return vehicle
  }
}

/**
 * BOINC's adaptive replication as of sched_send.cpp and validator.cpp: a host with ten consecutive valid results is
 * trusted with probability 1 − 1/CV and not checked then; only replicated results raise CV, and an invalid one zeroes it.
 */
function boincAdaptive(job: Job): Outcome {
  const { population, chance } = job
  const valid = new Array<number>(population.vehicles).fill(0)
  let [executions, wrong] = [0, 0]
  for (let shard = 0; shard < job.shards; shard += 1) {
    const vehicle = chance.between(0, population.vehicles - 1)
    if (valid[vehicle]! >= 10 && chance.next() > 1 / valid[vehicle]!) {
      executions += 1
      if (population.execute({ vehicle, together: [vehicle], before: [], checks: 0 }) !== truth) wrong += 1
      continue
    }
    const agreed = agree(job, 2, [vehicle])
    executions += agreed.executions
    if (agreed.answer !== truth) wrong += 1
    for (const [host, answer] of agreed.votes) valid[host] = answer === agreed.answer ? valid[host]! + 1 : 0
  }
  return { shards: job.shards, executions, wrong }
}
