/**
 * A virtual world: nodes that run the protocol's own machines, on virtual time, network, disks and owners. The same
 * scenario and seed give the same events in the same order, on any machine.
 */

import type { Cid, JobId, OwnerId, PeerId } from '../protocol/ids.ts'
import type { Lease, Opening, Receipt } from '../protocol/job/lease.ts'
import type { ShardEntry } from '../protocol/job/lists.ts'
import {
  type Assurance,
  categoryDefault,
  type Manifest,
  type StewardPlace,
} from '../protocol/job/manifest.ts'
import { leaseTtlMs } from '../protocol/limits.ts'
import type { Capacity } from '../protocol/membership/advert.ts'
import type { Message, ReleaseReason } from '../protocol/message.ts'
import type { Ask } from '../protocol/price.ts'
import { cborCid } from '../protocol/record/block.ts'
import type { Verified } from '../protocol/record/record.ts'
import { bodyOf, checked, type JobRecord } from '../protocol/records.ts'
import type { Examined, Wanted } from '../protocol/steward/contract.ts'
import { plansFor } from '../protocol/verification/plan.ts'
import { Chance, cheapHash } from './chance.ts'
import { Checkers } from './checkers.ts'
import { Mesh } from './mesh.ts'
import type { SimStatement } from './money.ts'
import type { Scenario } from './scenario.ts'
import { nameOf, peerNamed, type SimNode } from './sim-node.ts'
import { type SimJob, StewardNode } from './steward-node.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'
import { type Condition, clockJumpMsMax, Trouble } from './trouble.ts'
import { believed } from './unsigned.ts'
import { type Temper, VehicleNode } from './vehicle-node.ts'

export interface Outcome {
  readonly traceHash: string
  readonly violations: readonly string[]
  readonly jobs: number
  readonly jobsComplete: number
  /** Jobs that never ended, in their deadline and two leases. */
  readonly jobsLost: number
  readonly wrongAccepted: number
  readonly executionsPerShard: number
  /** Of each job that ended. */
  readonly completionMs: readonly number[]
  readonly handovers: number
  readonly events: number
  readonly virtualMs: number
  readonly lastEvents: readonly string[]
}

/** Partitions, pauses and clogs that began before the trouble ended are over then, and records are equal again. */
const healedMs = 90_000
/** How often nodes hear of each other's adverts: gossip to the whole cell is one event. */
const advertIntervalMs = 5_000
const sampleIntervalMs = 10_000

export class World {
  readonly checkers = new Checkers()
  readonly chance: Chance
  readonly #scenario: Scenario
  readonly #timeline = new Timeline()
  readonly #trace = new Trace()
  readonly #mesh: Mesh
  readonly #stewards: StewardNode[] = []
  readonly #vehicles: VehicleNode[] = []
  readonly #nodes = new Map<PeerId, StewardNode | VehicleNode>()
  readonly #conditions = new Map<PeerId, Condition>()
  readonly #jobs: { readonly job: SimJob; readonly submittedMs: number }[] = []
  readonly #endedMs = new Map<JobId, number>()
  readonly #handovers = new Set<string>()
  readonly #troubleMs: number
  #capacities: readonly Capacity[] = []

  constructor(scenario: Scenario, seed: number, minutes: number) {
    this.#scenario = scenario
    this.#troubleMs = minutes * 60_000
    this.chance = new Chance(seed, 'world')
    this.#mesh = new Mesh(this.#timeline, new Chance(seed, 'network'), scenario)
    for (let i = 0; i < scenario.stewards; i += 1)
      this.#stewards.push(new StewardNode(this, peerNamed(`steward-${i}`), ownerNamed(`steward-${i}`)))
    const tempers = tempersOf(scenario)
    for (let i = 0; i < scenario.vehicles; i += 1) {
      const temper = tempers[i] ?? 'honest'
      const owner = ownerNamed(temper === 'same-owner' ? 'liars' : `car-${i}`)
      const slowness = this.chance.happens(scenario.slow) ? 10 : 1
      const ask = askOf(scenario, i)
      this.#vehicles.push(new VehicleNode(this, peerNamed(`car-${i}`), owner, temper, slowness, ask))
    }
    for (const node of [...this.#stewards, ...this.#vehicles]) {
      this.#nodes.set(node.peer, node)
      this.#conditions.set(node.peer, {
        up: true,
        life: 0,
        pausedUntilMs: 0,
        skewMs: 0,
        diskIsFull: false,
        lost: false,
      })
    }
    for (let i = 0; i < scenario.jobs; i += 1)
      this.#timeline.at(this.chance.between(0, this.#troubleMs / 3), () => this.#submit(i))
    new Trouble({
      scenario,
      seed,
      untilMs: this.#troubleMs,
      timeline: this.#timeline,
      mesh: this.#mesh,
      stewards: this.#stewards,
      vehicles: this.#vehicles,
      conditionOf: ({ peer }) => this.#conditions.get(peer)!,
      later: (node, delayMs, happen) => this.later(node, delayMs, happen),
      note: (event) => this.#note(event),
      mayLose: (node) => this.#mayLose(node),
    }).plan()
    this.#advertise()
    this.#sample()
  }

  run(): Outcome {
    const endMs = this.#troubleMs + this.#graceMs() + healedMs
    while (this.#timeline.step(endMs)) if (this.checkers.violations.length > 0) break
    // What has not ended by then has until its deadline: only then is it lost.
    const lateMs = this.#hasOpenJobs() ? this.#lastDeadlineMs() + this.#graceMs() + healedMs : endMs
    while (this.checkers.violations.length === 0 && this.#timeline.step(lateMs));
    if (this.checkers.violations.length === 0) this.#checkPeace()
    const ends = this.#jobs.map(({ job }) => this.checkers.endOf(job.manifest.id))
    return {
      traceHash: this.#trace.hash,
      violations: this.checkers.violations,
      jobs: this.#jobs.length,
      jobsComplete: ends.filter((end) => end?.outcome === 'complete').length,
      jobsLost: ends.filter((end) => end === undefined).length,
      wrongAccepted: this.checkers.wrongAccepted,
      executionsPerShard:
        this.checkers.executions / Math.max(1, this.#jobs.length * this.#scenario.shardsPerJob),
      completionMs: this.#jobs.flatMap(({ job, submittedMs }) => {
        const endedMs = this.#endedMs.get(job.manifest.id)
        return endedMs === undefined ? [] : [endedMs - submittedMs]
      }),
      handovers: this.#handovers.size,
      events: this.#timeline.events,
      virtualMs: this.nowMs,
      lastEvents: this.#trace.last,
    }
  }

  // --- what nodes ask of their world --------------------------------------------------------------------------

  get nowMs(): number {
    return this.#timeline.nowMs
  }

  /** A node's own clock, which may be wrong. */
  clockOf({ peer }: SimNode): number {
    return this.nowMs + this.#conditions.get(peer)!.skewMs
  }

  hasRoom({ peer }: SimNode): boolean {
    return !this.#conditions.get(peer)!.diskIsFull
  }

  ended(job: JobId): void {
    if (!this.#endedMs.has(job)) this.#endedMs.set(job, this.nowMs)
  }

  fsyncMs(): number {
    return this.chance.between(1, 8)
  }

  /** In this node's process: not after a crash, and only when it wakes from a pause. */
  later(node: SimNode, delayMs: number, happen: () => void): void {
    const condition = this.#conditions.get(node.peer)!
    const { life } = condition
    this.#timeline.at(this.nowMs + Math.max(0, delayMs), () => {
      if (!condition.up || condition.life !== life) return
      if (condition.pausedUntilMs > this.nowMs) this.later(node, condition.pausedUntilMs - this.nowMs, happen)
      else happen()
    })
  }

  /** The roster, the same for all: as of the last round of adverts. */
  capacities(): readonly Capacity[] {
    return this.#capacities
  }

  linkedTo(node: SimNode): PeerId[] {
    const others = node instanceof StewardNode ? [...this.#stewards, ...this.#vehicles] : this.#stewards
    return others
      .filter((other) => other !== node && this.#talks(node.peer, other.peer))
      .map(({ peer }) => peer)
  }

  send(from: SimNode, to: PeerId, message: Message): void {
    this.#deliver(from, to, message.type, (node) => node.hear(from.peer, message))
  }

  share(from: SimNode, to: PeerId, entry: JobRecord): void {
    this.#deliver(from, to, `record ${entry.kind}`, (node) => {
      if (node instanceof StewardNode) node.receive(from.peer, entry)
    })
  }

  offer(from: StewardNode, to: PeerId, job: SimJob, lease: Verified<Lease>): void {
    this.checkers.offered(lease)
    const handovers = from.handoversOf(job)
    this.#deliver(from, to, 'offer', (node) => {
      if (node instanceof VehicleNode) node.offer(from.peer, job, lease, handovers)
    })
  }

  adopt(from: StewardNode, to: PeerId, job: SimJob): void {
    const handovers = from.handoversOf(job)
    this.#deliver(from, to, 'adopt', (node) => {
      if (node instanceof VehicleNode) node.adopt(from.peer, job, handovers)
    })
  }

  entrust(from: StewardNode, to: PeerId, job: SimJob): void {
    const handovers = from.handoversOf(job)
    for (const { id } of handovers) this.#handovers.add(id)
    this.#deliver(from, to, 'entrust', (node) => {
      if (node instanceof StewardNode) node.take(from.peer, job, handovers)
    })
  }

  deliver(
    from: VehicleNode,
    to: PeerId,
    receipt: Verified<Receipt>,
    opening: Opening,
    released: ReleaseReason | null,
  ): void {
    this.#deliver(from, to, 'receipt', (node) => {
      if (node instanceof StewardNode)
        node.tell(receipt.job!, {
          type: 'receipt',
          receipt: believed(checked('receipt', receipt, opening)),
          released,
        })
    })
  }

  state(from: StewardNode, to: PeerId, said: SimStatement): void {
    this.#deliver(from, to, 'statement', (node) => {
      if (node instanceof VehicleNode) node.hearStatement(said)
    })
  }

  /** Fetching blocks is repeated until it succeeds or the other is gone: loss only makes it slower. */
  collect(node: StewardNode, wanted: readonly Wanted[], done: (results: readonly Examined[]) => void): void {
    this.later(node, 2 * this.#mesh.delayMs(), () => {
      done(
        wanted.map((want) => {
          const vehicle = this.#nodes.get(want.from) as VehicleNode
          const there = this.#talks(node.peer, want.from) && vehicle.has(want.result) && this.hasRoom(node)
          if (!there) return { ...want, finding: { state: 'missing' } as const }
          return { ...want, finding: { state: 'good', text: want.result, exhausted: false } as const }
        }),
      )
    })
  }

  fetchResults(
    node: StewardNode,
    from: PeerId,
    results: readonly Cid[],
    done: (held: boolean) => void,
  ): void {
    this.later(node, 2 * this.#mesh.delayMs(), () => {
      const steward = this.#nodes.get(from) as StewardNode
      const talks = this.#talks(node.peer, from)
      const there = talks && results.every((result) => steward.reads(result))
      done(there && this.hasRoom(node))
    })
  }

  /** Asks whoever has them, again and again. */
  fetchInputs(node: StewardNode, job: SimJob, done: () => void): void {
    this.later(node, 2_000, () => {
      const source = this.#stewards.find(
        (other) => other !== node && other.hasInputs(job) && this.#talks(node.peer, other.peer),
      )
      if (source !== undefined && this.hasRoom(node)) done()
      else this.fetchInputs(node, job, done)
    })
  }

  /** Whether all leases of this shard so far are the cartel's, and enough for a verdict. */
  cartelHoldsAll(job: SimJob, position: number): boolean {
    const holders = this.checkers.holdersOf(job.manifest.id, position)
    const members = holders.filter((peer) => (this.#nodes.get(peer) as VehicleNode).temper === 'cartel')
    return members.length === holders.length && members.length >= job.manifest.payload.assurance.replicas
  }

  // --- what happens -------------------------------------------------------------------------------------------

  #submit(index: number): void {
    const { shardsPerJob, shardCostMs, standbys } = this.#scenario
    const living = this.#stewards
      .map((_, i) => this.#stewards[(index * (1 + standbys) + i) % this.#stewards.length]!)
      .filter((node) => this.#isUp(node))
    const places = living.slice(0, 1 + standbys)
    if (places.length === 0) {
      this.#timeline.at(this.nowMs + 1_000, () => this.#submit(index))
      return
    }
    const truth = (position: number) => cidOf(`result ${index} ${position}`)
    const shards: ShardEntry[] = Array.from({ length: shardsPerJob }, (_, i) => ({
      shard: cidOf(`shard ${index} ${i}`),
      pages: 1,
      bytes: 1024,
      costMs: shardCostMs,
    }))
    const manifest: Verified<Manifest> = {
      ...bodyOf('manifest', {
        signer: peerNamed(`submitter-${index}`),
        serial: index,
        expiresMs: Number.MAX_SAFE_INTEGER,
        payload: manifestOf(
          places.map(placeOf),
          this.nowMs + this.#troubleMs,
          shardsPerJob,
          assuranceOf(this.#scenario),
          paymentOf(this.#scenario),
        ),
      }),
      id: cidOf(`job ${index}`),
    }
    const job: SimJob = { manifest, shards, truth }
    const { replicas, lead, audits } = manifest.payload.assurance
    this.checkers.job(manifest.id, {
      replicas,
      lead,
      audited: audits?.replicas ?? 0,
      deadlineMs: manifest.payload.deadlineMs,
      budgetMicros: manifest.payload.payment?.budgetMicros ?? null,
      truth,
    })
    this.#jobs.push({ job, submittedMs: this.nowMs })
    this.#note(() => `job ${index} is submitted`)
    const [submitter, ...others] = places
    submitter!.submit(job)
    for (const node of others) this.#entrust(submitter!, node, job)
    const lateMs = manifest.payload.deadlineMs + this.#graceMs()
    this.#timeline.at(lateMs, () => this.checkers.late(manifest.id, this.nowMs, this.#graceMs()))
  }

  #hasOpenJobs(): boolean {
    return this.#jobs.some(({ job }) => this.checkers.endOf(job.manifest.id) === undefined)
  }

  #lastDeadlineMs(): number {
    return Math.max(...this.#jobs.map(({ job }) => job.manifest.payload.deadlineMs))
  }

  /** Until it stands by: a submitter whose standby never answers says so, and asks another. */
  #entrust(submitter: StewardNode, node: StewardNode, job: SimJob): void {
    if (node.knows(job) || this.#conditions.get(submitter.peer)!.lost) return
    if (this.#isUp(submitter)) this.entrust(submitter, node.peer, job)
    this.#timeline.at(this.nowMs + 1_000, () => this.#entrust(submitter, node, job))
  }

  #advertise(): void {
    const living = [...this.#stewards, ...this.#vehicles].filter((node) => this.#isUp(node))
    const capacities = living.map((node) => node.capacity())
    const changed =
      capacities.length !== this.#capacities.length ||
      capacities.some((capacity, i) => capacity !== this.#capacities[i])
    this.#capacities = capacities
    if (changed) for (const steward of this.#stewards) this.later(steward, 0, () => steward.tellRoster())
    this.#timeline.at(this.nowMs + advertIntervalMs, () => this.#advertise())
  }

  /** What grows must stay bounded. */
  #sample(): void {
    for (const { job } of this.#jobs)
      for (const node of this.#stewards) this.checkers.bounded(job, node.peer, node.recordsOf(job))
    for (const vehicle of this.#vehicles) this.checkers.busy(vehicle.peer, vehicle.openLeases)
    this.#timeline.at(this.nowMs + sampleIntervalMs, () => this.#sample())
  }

  #checkPeace(): void {
    for (const { job } of this.#jobs) {
      const living = this.#stewards.filter((node) => this.#isUp(node) && node.knows(job))
      this.checkers.converged(
        job.manifest.id,
        living.map((node) => node.rootOf(job)),
      )
      if (this.#scenario.lostForGood > 0) continue
      this.checkers.kept(job.manifest.id, (result) => living.some((node) => node.hasResult(result)))
      this.#checkAccounts(job.manifest.id, living)
    }
  }

  /** Once they have spoken, with nothing lost, each vehicle's ledger says what each steward's does. */
  #checkAccounts(job: JobId, stewards: readonly StewardNode[]): void {
    for (const vehicle of this.#vehicles) {
      if (!this.#isUp(vehicle) || !vehicle.worksFor(job)) continue
      for (const steward of stewards)
        vehicle.reconcile(job, (before) => steward.answer(job, vehicle.peer, before))
      for (const steward of stewards) this.checkers.ledgers.agree(job, steward.peer, vehicle.peer)
    }
  }

  #deliver(from: SimNode, to: PeerId, what: string, hear: (node: StewardNode | VehicleNode) => void): void {
    this.#mesh.send(from.peer, to, () => {
      const node = this.#nodes.get(to)
      if (node === undefined) return
      this.later(node, 0, () => {
        this.#note(() => `${nameOf(from.peer)} > ${nameOf(to)}: ${what}`)
        hear(node)
      })
    })
  }

  /** A job of which all stewards are gone is lost indeed: one that has all it takes stays. */
  #mayLose(node: StewardNode): boolean {
    return this.#jobs.every(({ job }) => {
      if (!node.knows(job)) return true
      const others = this.#stewards.filter(
        (other) => other !== node && !this.#conditions.get(other.peer)!.lost,
      )
      return others.some((other) => other.hasInputs(job))
    })
  }

  #isUp({ peer }: SimNode): boolean {
    return this.#conditions.get(peer)!.up
  }

  #talks(a: PeerId, b: PeerId): boolean {
    return this.#conditions.get(b)!.up && this.#mesh.reaches(a, b) && this.#mesh.reaches(b, a)
  }

  #graceMs(): number {
    return 2 * leaseTtlMs + (this.#scenario.clockJumpEveryMs > 0 ? clockJumpMsMax : 0)
  }

  #note(event: () => string): void {
    this.#trace.note(this.nowMs, event())
  }
}

function tempersOf({ vehicles, liars, sameOwnerLiars, accomplices, cartel }: Scenario): Temper[] {
  const some = (share: number, temper: Temper): Temper[] =>
    new Array(Math.round(vehicles * share)).fill(temper)
  return [
    ...some(liars, 'liar'),
    ...some(sameOwnerLiars, 'same-owner'),
    ...some(accomplices, 'accomplice'),
    ...some(cartel, 'cartel'),
  ]
}

function placeOf(node: StewardNode): StewardPlace {
  const nonce = cheapHash(new TextEncoder().encode(node.peer)).slice(0, 16)
  return { peer: node.peer, owner: node.owner, nonce, drawCommitment: cheapHash(node.seedOf(nonce)) }
}

function assuranceOf({
  errorBound,
  colludingShare,
  shardsPerJob: shards,
  vehicles: owners,
}: Scenario): Assurance {
  const rest = {
    errorBoundPpb: null,
    colludingSharePpm: Math.round(colludingShare * 1e6),
    arbiter: 'steward',
  } as const
  if (errorBound === 0) return { replicas: 2, audits: null, lead: 3, ...rest }
  const [plan] = plansFor({ errorBound, colludingShare, shards, owners, auditor: 'owners' })
  return { replicas: plan!.replicas, audits: plan!.audits, lead: plan!.lead, ...rest }
}

function paymentOf({ unitMicros, budget, shardsPerJob }: Scenario): Manifest['payment'] {
  if (unitMicros === 0) return null
  const budgetMicros = Math.round(unitMicros * shardsPerJob * budget)
  return { currency: 'EUR', unit: 'page', unitMicrosMax: unitMicros, budgetMicros }
}

/** Some owners ask for all that is paid, some for a quarter of it, and some for nothing. */
function askOf({ unitMicros }: Scenario, index: number): Ask | null {
  if (unitMicros === 0 || index % 5 === 4) return null
  return { currency: 'EUR', unitMicros: Math.ceil((unitMicros * (1 + (index % 4))) / 4) }
}

function manifestOf(
  stewards: readonly StewardPlace[],
  deadlineMs: number,
  count: number,
  assurance: Assurance,
  payment: Manifest['payment'],
): Manifest {
  return {
    runtime: 'wasm',
    engine: { name: 'exact', id: 'engine' },
    options: {},
    weights: [],
    shards: { file: cidOf('list'), bytes: 1, count, pages: count },
    documents: { file: cidOf('documents'), bytes: 1, count },
    agreement: 'bytes',
    assurance,
    fleet: null,
    seal: { nonce: new Uint8Array(16), commitment: new Uint8Array(32) },
    shortage: 'wait',
    deadlineMs,
    category: categoryDefault,
    payment,
    blind: null,
    stewards,
  }
}

function cidOf(name: string): Cid {
  return cborCid(cheapHash, new TextEncoder().encode(name))
}

function ownerNamed(name: string): OwnerId {
  return `owner of ${name}` as OwnerId
}
