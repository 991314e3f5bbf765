/** Carpool's own way: its plans, with the steward's own decisions (windows, draws, tally). */
import { pushTo } from '../../base/push-to.ts'
import type { Cid, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { Windows } from '../../protocol/steward/windows.ts'
import { plansFor } from '../../protocol/verification/plan.ts'
import { type Claim, tally } from '../../protocol/verification/tally.ts'
import { cheapHash } from '../chance.ts'
import { type Answer, truth } from './attackers.ts'
import type { Job, Outcome } from './policy.ts'

interface ShardState {
  claims: Claim[]
  /** Answered as one of several that have to agree. */
  unanimous: boolean
  accepted: Answer | undefined
}

/** A steward with everybody idle at once, so that windows close when they are full and when all is claimed. */
export class Carpool {
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
      pushTo(this.#owners, population.ownerOf(vehicle), vehicle)
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
      lease: { epoch: 0, signer: '' as PeerId, serial: this.#executions },
      text: '',
      exhausted: false,
    })
  }

  /** Settles a disagreement by recomputing, as by default: an owner that is wrong then has no voice any more. */
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

  /** Checks a shard: one more owner executes it. */
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
