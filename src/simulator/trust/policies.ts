/**
 * Ways to decide which results to accept, over the same vehicles, liars and draws: Carpool's plans with the steward's own
 * decisions (plan, windows, draws, tally), and what others do. Executions count all work, checks and recomputation
 * included. Nobody here is late or drives off: that costs all of them alike.
 */
import type { Cid, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { Windows } from '../../protocol/steward/windows.ts'
import { plansFor } from '../../protocol/verification/plan.ts'
import { type Claim, tally } from '../../protocol/verification/tally.ts'
import { type Chance, cheapHash } from '../chance.ts'
import { type Answer, type Population, truth } from './attackers.ts'

export interface Outcome {
  readonly shards: number
  readonly executions: number
  /** Accepted, and not the truth. */
  readonly wrong: number
}

interface Job {
  readonly shards: number
  readonly population: Population
  readonly chance: Chance
  /** What Carpool's submitter bought; the others offer no choice. */
  readonly errorBound: number
  readonly colludingShare: number
}

export type Policy = (job: Job) => Outcome

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
  /** Everybody who executed it, and what each said. */
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

interface ShardState {
  claims: Claim[]
  /** Answered as one of several that have to agree. */
  unanimous: boolean
  accepted: Answer | undefined
}

/** A steward with everybody idle at once, so that windows close when they are full and when all is claimed. */
class Carpool {
  readonly #job: Job
  readonly #replicas: number
  readonly #lead: number
  readonly #audited: number
  readonly #checks: number
  readonly #windows: Windows | undefined
  readonly #shards: ShardState[]
  /** By owner: its vehicles. A draw is uniform over owners first. */
  readonly #owners = new Map<number, number[]>()
  #executions = 0
  #closed = 0

  constructor(job: Job) {
    this.#job = job
    const { population, errorBound, colludingShare, shards, chance } = job
    for (let vehicle = 0; vehicle < population.vehicles; vehicle += 1) {
      const owner = population.ownerOf(vehicle)
      const vehicles = this.#owners.get(owner)
      if (vehicles === undefined) this.#owners.set(owner, [vehicle])
      else vehicles.push(vehicle)
    }
    const owners = this.#owners.size
    const [plan] = plansFor({ errorBound, colludingShare, shards, owners, auditor: 'owners' })
    this.#replicas = plan!.replicas
    this.#lead = plan!.lead
    this.#audited = plan!.audits?.replicas ?? plan!.replicas
    this.#checks = plan!.audits?.checks ?? 0
    const seed = cheapHash(new TextEncoder().encode(`${chance.next()}`))
    if (plan!.audits !== null)
      this.#windows = new Windows(
        plan!.audits,
        {
          replicas: this.#replicas,
          audits: plan!.audits,
          lead: this.#lead,
          errorBoundPpb: 0,
          colludingSharePpm: 0,
          arbiter: 'steward',
        },
        cheapHash,
        seed,
      )
    this.#shards = Array.from({ length: shards }, () => ({
      claims: [],
      unanimous: plan!.audits === null,
      accepted: undefined,
    }))
  }

  run(): Outcome {
    let open = this.#shards.map((_, position) => position)
    while (open.length > 0) {
      for (const position of open) {
        this.#claim(position)
        this.#closeWindows(() => false)
      }
      this.#closeWindows(() => true)
      open = open.filter((position) => this.#shards[position]!.accepted === undefined)
    }
    const wrong = this.#shards.filter(({ accepted }) => accepted !== truth).length
    return { shards: this.#shards.length, executions: this.#executions, wrong }
  }

  /** Asks until the shard has its verdict, or as many voices as a shard needs whose windows are checked. */
  #claim(position: number): void {
    const shard = this.#shards[position]!
    const needed = shard.unanimous ? this.#replicas : this.#audited
    const drawn: number[] = []
    const owners = new Set(shard.claims.map(({ owner }) => Number(owner)))
    while (shard.claims.length + drawn.length < needed) drawn.push(this.#draw(owners))
    const before = shard.claims.map(answerOf)
    const checks = shard.unanimous ? 0 : this.#checks
    for (const vehicle of drawn) this.#execute(shard, position, vehicle, drawn, before, checks)
    this.#decide(position)
  }

  #execute(
    shard: ShardState,
    position: number,
    vehicle: number,
    together: readonly number[],
    before: readonly Answer[],
    checks: number,
  ): void {
    this.#executions += 1
    const answer = this.#job.population.execute({ vehicle, together, before, checks })
    shard.claims.push({
      peer: String(vehicle) as PeerId,
      owner: String(this.#job.population.ownerOf(vehicle)) as OwnerId,
      receipt: `${vehicle}/${position}` as RecordId,
      result: String(answer) as Cid,
      isa: null,
      text: '',
      exhausted: false,
    })
  }

  /** A disagreement is settled by recomputing, as by default: whoever is wrong then has no voice any more. */
  #decide(position: number): void {
    const shard = this.#shards[position]!
    if (new Set(shard.claims.map(({ result }) => result)).size > 1) {
      this.#executions += 1
      const recomputed = { result: String(truth) as Cid, text: '' }
      const decided = tally(shard.claims, this.#assurance(), 'bytes', recomputed)
      if (decided.state !== 'accepted') throw new Error('a recomputation decides')
      this.#accept(position, truth)
      for (const { owner } of decided.contradicting) this.#ban(owner)
      return
    }
    if (shard.unanimous) {
      const decided = tally(shard.claims, this.#assurance(), 'bytes', undefined)
      if (decided.state === 'accepted') this.#accept(position, Number(decided.result))
    } else for (const { owner, receipt } of shard.claims) this.#windows!.add(owner, position, receipt, 0)
  }

  #closeWindows(isDue: () => boolean): void {
    for (const due of this.#windows?.takeDue(isDue) ?? [])
      this.#windows!.close(`window ${this.#closed++}` as RecordId, due)
    if (this.#windows === undefined) return
    for (let progress = true; progress; ) {
      progress = false
      const pending = [...this.#windows.pending((owner, position) => this.#check(owner, position))]
      for (const { window, checks } of pending) {
        for (const position of checks) {
          progress = true
          if (window.isSampled) this.#audit(position)
          else this.#unanimous(position)
        }
        if (window.passed) this.#pass(window.positions)
      }
    }
  }

  #check(owner: OwnerId, position: number): 'passed' | 'pending' | 'void' {
    const { claims, accepted } = this.#shards[position]!
    if (!claims.some((claim) => claim.owner === owner)) return 'void'
    return accepted !== undefined || claims.length > this.#audited ? 'passed' : 'pending'
  }

  /** One more owner executes it: a check. */
  #audit(position: number): void {
    const shard = this.#shards[position]!
    const owners = new Set(shard.claims.map(({ owner }) => Number(owner)))
    if (shard.claims.length <= this.#audited && shard.accepted === undefined) {
      const vehicle = this.#draw(owners)
      this.#execute(shard, position, vehicle, [vehicle], shard.claims.map(answerOf), 0)
      if (new Set(shard.claims.map(({ result }) => result)).size > 1) this.#decide(position)
    }
  }

  #unanimous(position: number): void {
    const shard = this.#shards[position]!
    if (shard.accepted !== undefined) return
    shard.unanimous = true
    this.#claim(position)
  }

  #pass(positions: readonly number[]): void {
    for (const position of positions) {
      const { claims, accepted } = this.#shards[position]!
      if (accepted !== undefined) continue
      const passed = claims.filter(({ owner }) => this.#windows!.hasPassed(owner, position))
      if (passed.length >= this.#audited) this.#accept(position, answerOf(passed[0]!))
    }
  }

  #accept(position: number, answer: Answer): void {
    this.#shards[position]!.accepted ??= answer
    this.#windows?.settle(position)
  }

  /** Everything of this owner that is not final is open again. */
  #ban(owner: OwnerId): void {
    this.#owners.delete(Number(owner))
    this.#windows?.drop(owner)
    for (const shard of this.#shards)
      if (shard.accepted === undefined) shard.claims = shard.claims.filter((claim) => claim.owner !== owner)
  }

  #assurance() {
    return { replicas: this.#replicas, lead: this.#lead }
  }

  #draw(not: Set<number>): number {
    const owners = this.#candidates(not)
    const { chance } = this.#job
    const owner = owners[chance.between(0, owners.length - 1)]!
    not.add(owner)
    const vehicles = this.#owners.get(owner)!
    return vehicles[chance.between(0, vehicles.length - 1)]!
  }

  #candidates(not: ReadonlySet<number>): number[] {
    return [...this.#owners.keys()].filter((owner) => !not.has(owner))
  }
}

function answerOf({ result }: Claim): Answer {
  return Number(result)
}
