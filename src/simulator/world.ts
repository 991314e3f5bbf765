/**
 * A virtual world: nodes that run the protocol's own machines, on virtual time, network, disks and owners. The same
 * scenario and seed give the same events in the same order, on any machine.
 */

import type { Cid, JobId, PeerId } from '../protocol/ids.ts'
import { leaseTtlMs } from '../protocol/limits.ts'
import { Abroad, abroadLookMs } from './abroad.ts'
import { type CancellingWorld, planCancel } from './cancelling.ts'
import { Chance } from './chance.ts'
import { Checkers } from './checkers.ts'
import type { Day, Foreigner } from './day.ts'
import { nameOf } from './fixtures.ts'
import { Machines } from './machines.ts'
import { Mesh } from './mesh.ts'
import type { Outcome } from './outcome.ts'
import { checkPeace, settledMs } from './peace.ts'
import { Population } from './population.ts'
import type { Scenario } from './scenario.ts'
import type { SimJob } from './sim-job.ts'
import type { Parcel, SimNode, SimWorld } from './sim-world.ts'
import { jobOf, rulesOf, submitterOf } from './submission.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'
import { clockJumpMsMax, Trouble } from './trouble.ts'

/** Partitions, pauses and clogs that began before the trouble ended are over then, and records are equal again. */
const healedMs = 90_000
/** Stewards that are still signing this long after all jobs should have ended are looked at all the same. */
const settlingMsMax = 10 * settledMs
/** How often nodes hear of each other's adverts: gossip to the whole cell is one event. A day has less time for that. */
const advertIntervalMs = 5_000
const advertIntervalOfDayMs = 30_000
const sampleIntervalMs = 10_000

export class World implements SimWorld {
  readonly checkers = new Checkers((owner) => this.#population.isLiar(owner))
  readonly chance: Chance
  readonly #scenario: Scenario
  readonly #timeline = new Timeline()
  readonly #machines = new Machines(this.#timeline)
  readonly #trace = new Trace()
  readonly #mesh: Mesh
  readonly #population: Population
  readonly #jobs: { readonly job: SimJob; readonly submittedMs: number }[] = []
  readonly #endedMs = new Map<JobId, number>()
  readonly #handovers = new Set<string>()
  readonly #troubleMs: number
  readonly #trouble: Trouble
  readonly #day: Day | null
  readonly #abroad: Abroad | null
  #capacities: ReturnType<SimWorld['capacities']> = []
  /** When a steward last signed a record of a job. */
  #lastSignedMs = 0

  /** `day`: the comings and goings of its vehicles, where the scenario plans none. */
  constructor(scenario: Scenario, seed: number, minutes: number, day: Day | null = null) {
    this.#scenario = scenario
    this.#day = day
    this.#abroad = day && new Abroad(this, day, (vehicle) => this.#meet(vehicle))
    this.#troubleMs = minutes * 60_000
    this.chance = new Chance(seed, 'world')
    this.#mesh = new Mesh(this.#timeline, new Chance(seed, 'network'), scenario)
    this.#population = new Population(scenario, seed, this, this.#machines, this.chance)
    for (const liar of this.#population.liars) this.#lie(liar, new Chance(seed, `moments of ${liar.peer}`))
    for (let i = 0; i < scenario.jobs; i += 1)
      this.#timeline.at(day?.submittedMs[i] ?? this.chance.between(0, this.#troubleMs / 3), () =>
        this.#submit(i),
      )
    this.#trouble = new Trouble({
      scenario,
      seed,
      untilMs: this.#troubleMs,
      timeline: this.#timeline,
      mesh: this.#mesh,
      stewards: this.#population.stewards,
      vehicles: this.#population.vehicles,
      conditionOf: ({ peer }) => this.#machines.of(peer),
      later: ({ peer }, delayMs, happen) => this.#machines.later(peer, delayMs, happen),
      note: (event) => this.#note(event),
      mayLose: ({ peer }) =>
        this.#population.mayLose(
          peer,
          this.#jobs.map(({ job }) => job),
        ),
      down: ({ peer }) => this.checkers.takeovers.down(peer, this.nowMs, (job) => this.isOver(job)),
    })
    this.#trouble.plan()
    if (day !== null) this.#trouble.planDay(day)
    this.#advertise()
    this.#sample()
    if (this.#abroad !== null) this.#lookAbroad(this.#abroad)
  }

  run(): Outcome {
    const endMs = this.#troubleMs + this.#graceMs() + healedMs
    this.#runUntil(() => endMs)
    // A job that has not ended by then has until its deadline: only then is it lost.
    const lateMs = this.#hasOpenJobs() ? this.#lastDeadlineMs() + this.#graceMs() + healedMs : endMs
    this.#runUntil(() => lateMs)
    // A job may have ended a moment ago, at its deadline: then the record that says so is on its way, or lost and not
    // missed yet.
    this.#runUntil(() => Math.min(this.#lastSignedMs + settledMs, lateMs + settlingMsMax))
    if (this.checkers.violations.length === 0) {
      const jobs = this.#jobs.map(({ job }) => job)
      const blocks = this.#abroad?.blocks ?? new Map<Cid, Uint8Array>()
      checkPeace(jobs, this.#population, this.checkers, this.#scenario.lostForGood === 0, blocks)
    }
    const ends = this.#jobs.map(({ job }) => this.checkers.endOf(job.manifest.id))
    return {
      traceHash: this.#trace.hash,
      violations: this.checkers.violations,
      jobs: this.#jobs.length,
      jobsComplete: ends.filter((end) => end?.outcome === 'complete').length,
      jobsLost: ends.filter((end) => end === undefined).length,
      wrongAccepted: this.checkers.wrongAccepted,
      wrongShown: this.checkers.shown.wrongShown,
      reportsRefused: this.checkers.reportsRefused,
      executionsPerShard: this.checkers.executions / Math.max(1, this.#shards()),
      completionMs: this.#jobs.flatMap(({ job, submittedMs }) => {
        const endedMs = this.#endedMs.get(job.manifest.id)
        return endedMs === undefined ? [] : [endedMs - submittedMs]
      }),
      handovers: this.#handovers.size,
      takeoversMs: this.checkers.takeovers.tookMs,
      abroad: {
        censuses: this.#abroad?.censuses ?? 0,
        doubted: this.#abroad?.doubted ?? 0,
        listed: this.#abroad?.listed ?? 0,
        worked: this.#population.foreign.filter((node) =>
          this.#jobs.some(({ job }) => node.worksFor(job.manifest.id)),
        ).length,
      },
      events: this.#timeline.events,
      virtualMs: this.nowMs,
      lies: this.#population.lies(),
      lastEvents: this.#trace.last,
    }
  }

  /** Lets things happen until then, or until one has happened that may not; a node that throws is such a thing. */
  #runUntil(untilMs: () => number): void {
    try {
      while (this.checkers.violations.length === 0 && this.#timeline.step(untilMs()));
    } catch (error) {
      this.checkers.threw(error)
    }
  }

  // --- what nodes ask of their world (sim-world.ts) -----------------------------------------------------------

  get nowMs(): number {
    return this.#timeline.nowMs
  }

  clockOf({ peer }: SimNode): number {
    return this.#machines.clockOf(peer)
  }

  hasRoom({ peer }: SimNode): boolean {
    return !this.#machines.of(peer).diskIsFull
  }

  ended(...[{ peer }, job, end]: Parameters<SimWorld['ended']>): void {
    if (this.isLying(peer)) return
    this.checkers.ended(job, end)
    if (!this.#endedMs.has(job)) this.#endedMs.set(job, this.nowMs)
  }

  signed(...[record]: Parameters<SimWorld['signed']>): void {
    if (this.isLying(record.signer)) {
      this.forged(record, null)
      return
    }
    this.#lastSignedMs = this.nowMs
    this.checkers.signed(record.id, record, null, false)
  }

  acts({ peer }: SimNode, job: JobId, isActing: boolean): void {
    this.checkers.takeovers.acts(job, peer, isActing, this.nowMs)
  }

  forged(...[record, opening]: Parameters<SimWorld['forged']>): void {
    this.#lastSignedMs = this.nowMs
    this.checkers.forged(record, opening)
  }

  isOver(job: JobId): boolean {
    return this.#endedMs.has(job)
  }

  /** As long as other trouble lasts, and until the deadline of a job that goes on. */
  mayLie(job: JobId): boolean {
    const known = this.#jobs.find(({ job: { manifest } }) => manifest.id === job)
    const { deadlineMs } = known!.job.manifest.payload
    return this.nowMs < (this.isOver(job) ? this.#troubleMs : deadlineMs)
  }

  isLying(peer: PeerId): boolean {
    return this.#population.isLying(peer)
  }

  isAccomplice(peer: PeerId): boolean {
    return this.#population.isAccomplice(peer)
  }

  fsyncMs(): number {
    return this.chance.between(1, 8)
  }

  later({ peer }: SimNode, delayMs: number, happen: () => void): void {
    this.#machines.later(peer, delayMs, happen)
  }

  capacities() {
    return this.#capacities
  }

  linkedTo({ peer, role }: SimNode): PeerId[] {
    const others = role === 'steward' ? this.#population.all : this.#population.stewards
    return [...others]
      .map((other) => other.peer)
      .filter((other) => other !== peer && this.#talks(peer, other))
  }

  send(from: SimNode, to: PeerId, parcel: Parcel): void {
    if (parcel.type === 'entrust') for (const { id } of parcel.handovers) this.#handovers.add(id)
    this.#mesh.send(from.peer, to, () => {
      const node = this.#population.get(to)
      if (node === undefined) return
      this.later(node, 0, () => {
        this.#note(() => `${nameOf(from.peer)} > ${nameOf(to)}: ${labelOf(parcel)}`)
        node.hear(from.peer, parcel)
      })
    })
  }

  /** Fetching blocks is repeated until it succeeds or the other is gone: loss only makes it slower. */
  collect(...[node, wanted, done]: Parameters<SimWorld['collect']>): void {
    this.later(node, 2 * this.#mesh.delayMs(), () => {
      done(
        wanted.map((want) => {
          const serves = this.#population.get(want.from)?.serves(want.result) === true
          const there = this.#talks(node.peer, want.from) && serves && this.hasRoom(node)
          if (!there) return { ...want, finding: { state: 'missing' } as const }
          return { ...want, finding: { state: 'good', text: want.result, exhausted: false } as const }
        }),
      )
    })
  }

  fetchResults(node: SimNode, from: PeerId, results: readonly Cid[], done: (held: boolean) => void): void {
    this.later(node, 2 * this.#mesh.delayMs(), () => {
      const source = this.#population.get(from)
      const there =
        source !== undefined &&
        this.#talks(node.peer, from) &&
        results.every((result) => source.serves(result))
      done(there && this.hasRoom(node))
    })
  }

  fetchInputs(node: SimNode, job: SimJob, done: () => void): void {
    this.later(node, 2_000, () => {
      const source = this.#population.stewards.find(
        (other) => other !== node && other.hasInputs(job) && this.#talks(node.peer, other.peer),
      )
      if (source !== undefined && this.hasRoom(node)) done()
      else this.fetchInputs(node, job, done)
    })
  }

  cartelHoldsAll({ manifest }: SimJob, position: number): boolean {
    const holders = this.checkers.holdersOf(manifest.id, position)
    const members = holders.filter((peer) => this.#population.isOfCartel(peer))
    return members.length === holders.length && members.length >= manifest.payload.assurance.replicas
  }

  // --- what happens -------------------------------------------------------------------------------------------

  #submit(index: number): void {
    const { standbys } = this.#scenario
    const { stewards } = this.#population
    const first = submitterOf(index, standbys, stewards.length)
    const living = stewards
      .map((_, i) => stewards[(first + i) % stewards.length]!)
      .filter(({ peer }) => this.#machines.isUp(peer))
    const submitter = living.find(({ isLying }) => !isLying)
    const others = living.filter((node) => node !== submitter).slice(0, standbys)
    if (submitter === undefined) {
      this.#timeline.at(this.nowMs + 1_000, () => this.#submit(index))
      return
    }
    const deadlineMs = this.nowMs + this.#troubleMs
    const shardsPerJob = this.#scenario.shardsPerJob * (this.#day?.sizes[index] ?? 1)
    const scenario = { ...this.#scenario, shardsPerJob }
    const number = (this.#day?.firstJob ?? 0) + index
    const job = jobOf(scenario, number, [submitter, ...others], deadlineMs)
    const { id } = job.manifest
    this.checkers.job(id, rulesOf(job, scenario))
    this.#jobs.push({ job, submittedMs: this.nowMs })
    this.#note(() => `job ${index} is submitted`)
    submitter.submit(job)
    for (const node of others) this.#entrust(submitter, node, job)
    planCancel(this.#cancelling, this.#scenario, job, this.#troubleMs / 4)
    this.#timeline.at(deadlineMs + this.#graceMs(), () => this.checkers.late(id, this.nowMs, this.#graceMs()))
  }

  /** Until it stands by: a submitter whose standby never answers says so, and asks another. */
  #entrust(submitter: Steward, node: Steward, job: SimJob): void {
    const { up, lost } = this.#machines.of(submitter.peer)
    if (node.knows(job) || lost) return
    if (up) submitter.entrust(node.peer, job)
    this.#timeline.at(this.nowMs + 1_000, () => this.#entrust(submitter, node, job))
  }

  /** Again and again, while its node is up. */
  #lie(liar: Population['liars'][number], moments: Chance): void {
    this.#timeline.at(this.nowMs + moments.between(1, 2 * this.#scenario.lieEveryMs), () => {
      this.later(liar, 0, () => liar.misbehave())
      this.#lie(liar, moments)
    })
  }

  get #cancelling(): CancellingWorld {
    const note = (event: () => string) => this.#note(event)
    return { world: this, timeline: this.#timeline, mesh: this.#mesh, population: this.#population, note }
  }

  #hasOpenJobs(): boolean {
    return this.#jobs.some(({ job }) => this.checkers.endOf(job.manifest.id) === undefined)
  }

  #lastDeadlineMs(): number {
    return Math.max(...this.#jobs.map(({ job }) => job.manifest.payload.deadlineMs))
  }

  /** A vehicle of another cell. Whoever looks after jobs connects to it. */
  #meet(foreigner: Foreigner): void {
    const vehicle = this.#population.meet(foreigner)
    if (vehicle === undefined) return
    this.#trouble.live(vehicle, foreigner.life)
    for (const steward of this.#population.stewards)
      this.later(steward, this.#mesh.delayMs(), () => {
        steward.linked(vehicle.peer, true)
        this.later(vehicle, 0, () => vehicle.linked(steward.peer, true))
      })
  }

  #lookAbroad(abroad: Abroad): void {
    const living = this.#population.honest.filter((node) => this.#population.isUp(node))
    abroad.look(living, (job, peer) => !this.isOver(job) && this.checkers.takeovers.isActing(job, peer))
    this.#timeline.at(this.nowMs + abroadLookMs, () => this.#lookAbroad(abroad))
  }

  #shards(): number {
    return this.#jobs.reduce((sum, { job }) => sum + job.shards.length, 0)
  }

  #advertise(): void {
    const foreign = new Set<SimNode>(this.#population.foreign)
    const living = this.#population.all.filter((node) => this.#machines.isUp(node.peer) && !foreign.has(node))
    const capacities = living.map((node) => node.capacity())
    const changed =
      capacities.length !== this.#capacities.length ||
      capacities.some((capacity, i) => capacity !== this.#capacities[i])
    this.#capacities = capacities
    if (changed)
      for (const steward of this.#population.stewards) this.later(steward, 0, () => steward.tellRoster())
    const everyMs = this.#day === null ? advertIntervalMs : advertIntervalOfDayMs
    this.#timeline.at(this.nowMs + everyMs, () => this.#advertise())
  }

  /** Samples the sizes of the structures that grow: they must stay bounded. */
  #sample(): void {
    const isWatched = this.#population.liars.length > 0
    for (const { job } of this.#jobs)
      for (const node of this.#population.honest) {
        this.checkers.bounded(job, node.peer, node.recordsOf(job), this.#population.liars.length)
        if (isWatched) this.#watch(node, job)
      }
    for (const vehicle of this.#population.vehicles) this.checkers.busy(vehicle.peer, vehicle.openLeases)
    this.#timeline.at(this.nowMs + sampleIntervalMs, () => this.#sample())
  }

  #watch(node: Steward, job: SimJob): void {
    const shown = this.#population.isUp(node) ? node.shownOf(job) : undefined
    if (shown !== undefined) this.checkers.shown.look(node.peer, job.manifest.id, shown)
  }

  #talks(a: PeerId, b: PeerId): boolean {
    return this.#machines.isUp(b) && this.#mesh.reaches(a, b) && this.#mesh.reaches(b, a)
  }

  #graceMs(): number {
    return 2 * leaseTtlMs + (this.#scenario.clockJumpEveryMs > 0 ? clockJumpMsMax : 0)
  }

  #note(event: () => string): void {
    this.#trace.note(this.nowMs, event())
  }
}

type Steward = Population['stewards'][number]

function labelOf(parcel: Parcel): string {
  if (parcel.type === 'message') return parcel.message.type
  return parcel.type === 'record' ? `record ${parcel.entry.kind}` : parcel.type
}
