/**
 * A virtual world: nodes that run the protocol's own machines, on virtual time, network, disks and owners. The same
 * scenario and seed give the same events in the same order, on any machine.
 */
import type { Capacity } from '../protocol/advert.ts'
import { cborCid } from '../protocol/block.ts'
import type { JobRecord } from '../protocol/council/job-records.ts'
import type { Cid, JobId, OwnerId, PeerId } from '../protocol/ids.ts'
import type { Manifest, ShardEntry, StewardPlace } from '../protocol/job.ts'
import type { Lease, Opening, Receipt } from '../protocol/lease.ts'
import { leaseTtlMs } from '../protocol/limits.ts'
import type { Message, ReleaseReason } from '../protocol/message.ts'
import type { Verified } from '../protocol/record.ts'
import type { Examined, Wanted } from '../protocol/steward/contract.ts'
import { Chance, cheapHash } from './chance.ts'
import { Checkers } from './checkers.ts'
import { Mesh } from './mesh.ts'
import type { Scenario } from './scenario.ts'
import { type SimJob, StewardNode } from './steward-node.ts'
import { Timeline } from './timeline.ts'
import { VehicleNode } from './vehicle-node.ts'

export interface SimNode {
  readonly peer: PeerId
  readonly owner: OwnerId
  restart(): void
  linked(peer: PeerId, up: boolean): void
}

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
  readonly events: number
  readonly virtualMs: number
  readonly lastEvents: readonly string[]
}

interface Condition {
  up: boolean
  /** Rises with each crash: what was under way is gone. */
  life: number
  /** A sleeping process does nothing until then. */
  pausedUntilMs: number
  skewMs: number
}

const lastEventsMax = 30
/** Long enough for a connection to be noticed as lost. */
const noticeMs = 1_000
const partitionMsMax = 40_000
const healedMs = 90_000

export class World {
  readonly checkers = new Checkers()
  readonly chance: Chance
  readonly #scenario: Scenario
  readonly #timeline = new Timeline()
  readonly #mesh: Mesh
  readonly #stewards: StewardNode[] = []
  readonly #vehicles: VehicleNode[] = []
  readonly #conditions = new Map<PeerId, Condition>()
  readonly #jobs: {
    readonly job: SimJob
    readonly places: readonly StewardNode[]
    readonly submittedMs: number
  }[] = []
  readonly #endedMs = new Map<JobId, number>()
  readonly #trace: string[] = []
  #hash = [0x811c9dc5, 0x01000193, 0x9e3779b9, 0x85ebca6b]
  #adverts = 0
  #troubleUntilMs: number

  constructor(scenario: Scenario, seed: number, minutes: number) {
    this.#scenario = scenario
    this.chance = new Chance(seed, 'world')
    this.#mesh = new Mesh(this.#timeline, new Chance(seed, 'network'), scenario.network)
    this.#troubleUntilMs = minutes * 60_000
    const stewardCount = scenario.jobs * (1 + scenario.standbys)
    for (let i = 0; i < stewardCount; i += 1)
      this.#stewards.push(new StewardNode(this, peerNamed(`steward-${i}`), ownerNamed(`steward-${i}`)))
    for (let i = 0; i < scenario.vehicles; i += 1) {
      const isLiar = i < Math.round(scenario.vehicles * scenario.liars)
      this.#vehicles.push(new VehicleNode(this, peerNamed(`car-${i}`), ownerNamed(`car-${i}`), isLiar))
    }
    for (const { peer } of this.#nodes())
      this.#conditions.set(peer, { up: true, life: 0, pausedUntilMs: 0, skewMs: 0 })
    for (let i = 0; i < scenario.jobs; i += 1)
      this.#timeline.at(this.chance.between(0, this.#troubleUntilMs / 3), () => this.#submit(i))
    this.#plan(seed)
  }

  run(): Outcome {
    const endMs = this.#troubleUntilMs + this.#graceMs() + healedMs
    while (this.#timeline.step(endMs)) if (this.checkers.violations.length > 0) break
    if (this.checkers.violations.length === 0)
      for (const { job, places } of this.#jobs) {
        this.checkers.late(job.manifest.id, this.nowMs, this.#graceMs())
        const alive = places.filter(({ peer }) => this.#conditions.get(peer)!.up)
        this.checkers.converged(
          job.manifest.id,
          alive.flatMap((node) => node.rootOf(job.manifest.id) ?? []),
        )
      }
    const ends = this.#jobs.map(({ job }) => this.checkers.endOf(job.manifest.id))
    return {
      traceHash: this.#hash.map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join(''),
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
      events: this.#timeline.events,
      virtualMs: this.nowMs,
      lastEvents: this.#trace,
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

  capacities(): Capacity[] {
    this.#adverts += 1
    return this.#vehicles
      .filter(({ peer }) => this.#conditions.get(peer)!.up)
      .map((vehicle) => vehicle.capacity(this.#adverts))
  }

  linkedTo(node: SimNode): PeerId[] {
    return [...this.#nodes()]
      .filter((other) => other.peer !== node.peer && this.#conditions.get(other.peer)!.up)
      .filter(({ peer }) => this.#mesh.reaches(node.peer, peer) && this.#mesh.reaches(peer, node.peer))
      .map(({ peer }) => peer)
  }

  send(from: SimNode, to: PeerId, message: Message): void {
    this.#deliver(from, to, message.type, (node) => {
      if (node instanceof StewardNode) node.hear(from.peer, message)
      else node.hear(from.peer, message)
    })
  }

  share(from: SimNode, to: PeerId, entry: JobRecord): void {
    this.#deliver(from, to, `record ${entry.kind}`, (node) => {
      if (node instanceof StewardNode) node.hear(from.peer, { type: 'entry', entry })
    })
  }

  offer(from: StewardNode, to: PeerId, job: SimJob, lease: Verified<Lease>): void {
    this.#deliver(from, to, 'offer', (node) => {
      if (node instanceof VehicleNode) node.offer(from.peer, job, lease, [])
    })
  }

  adopt(from: StewardNode, to: PeerId, job: SimJob): void {
    this.#deliver(from, to, 'adopt', (node) => {
      if (node instanceof VehicleNode) node.adopt(from.peer, job, [])
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
        node.tell(receipt.job!, { type: 'receipt', receipt, opening, released })
    })
  }

  /** Fetching blocks is repeated until it succeeds or the other is gone: loss only makes it slower. */
  collect(node: StewardNode, wanted: readonly Wanted[], done: (results: readonly Examined[]) => void): void {
    this.later(node, 2 * this.#mesh.delayMs(), () => {
      done(
        wanted.map((want) => {
          const vehicle = this.#vehicles.find(({ peer }) => peer === want.from)
          const there = vehicle?.has(want.result) === true && this.#talks(node.peer, want.from)
          if (!there) return { ...want, finding: { state: 'missing' } as const }
          return { ...want, finding: { state: 'good', text: want.result, exhausted: false } as const }
        }),
      )
    })
  }

  fetch(node: StewardNode, from: PeerId, results: readonly Cid[], done: (held: boolean) => void): void {
    this.later(node, 2 * this.#mesh.delayMs(), () => {
      const steward = this.#stewards.find(({ peer }) => peer === from)
      done(
        this.#talks(node.peer, from) &&
          steward !== undefined &&
          results.every((result) => steward.hasResult(result)),
      )
    })
  }

  // --- what happens to it -------------------------------------------------------------------------------------

  #submit(index: number): void {
    const { shardsPerJob, shardCostMs, standbys } = this.#scenario
    const places = this.#stewards.slice(index * (1 + standbys), (index + 1) * (1 + standbys))
    const truth = (position: number) => cidOf(`result ${index} ${position}`)
    const shards: ShardEntry[] = Array.from({ length: shardsPerJob }, (_, i) => ({
      shard: cidOf(`shard ${index} ${i}`),
      pages: 1,
      costMs: shardCostMs,
    }))
    const manifest: Verified<Manifest> = {
      domain: 'carpool',
      version: 1,
      kind: 'manifest',
      job: null,
      epoch: 0,
      steward: null,
      serial: index,
      expiresMs: Number.MAX_SAFE_INTEGER,
      signer: peerNamed(`submitter-${index}`),
      id: cidOf(`job ${index}`),
      payload: manifestOf(places.map(placeOf), this.nowMs + this.#troubleUntilMs, shardsPerJob),
    }
    const job: SimJob = { manifest, shards, truth }
    const { replicas, lead } = manifest.payload.assurance
    this.checkers.job(manifest.id, { replicas, lead, deadlineMs: manifest.payload.deadlineMs, truth })
    this.#jobs.push({ job, places, submittedMs: this.nowMs })
    this.#note(() => `job ${index} is submitted`)
    places.forEach((node, rank) => {
      this.#timeline.at(this.nowMs + rank * 500, () => node.take(job, rank === 0))
    })
  }

  #plan(seed: number): void {
    const { crashEveryMs, pauseEveryMs, parkedMs, network } = this.#scenario
    const fate = new Chance(seed, 'fate')
    for (const node of this.#nodes()) {
      if (crashEveryMs > 0) this.#recur(fate, crashEveryMs, () => this.#crash(node, fate))
      if (pauseEveryMs > 0) this.#recur(fate, pauseEveryMs, () => this.#pause(node, fate))
    }
    if (parkedMs > 0)
      for (const vehicle of this.#vehicles) this.#recur(fate, parkedMs, () => this.#drive(vehicle, fate))
    if (network.partitionEveryMs > 0) this.#recur(fate, network.partitionEveryMs, () => this.#partition(fate))
    const advertise = () => {
      for (const steward of this.#stewards) this.later(steward, 0, () => steward.tellRoster())
      this.#timeline.at(this.nowMs + 5_000, advertise)
    }
    advertise()
  }

  /** Again and again, until the trouble is over and the world may heal. */
  #recur(fate: Chance, everyMs: number, happen: () => void): void {
    const atMs = this.nowMs + fate.between(1, 2 * everyMs)
    this.#timeline.at(atMs, () => {
      if (atMs >= this.#troubleUntilMs) return
      happen()
      this.#recur(fate, everyMs, happen)
    })
  }

  #crash(node: SimNode, fate: Chance): void {
    const condition = this.#conditions.get(node.peer)!
    if (!condition.up) return
    condition.up = false
    condition.life += 1
    this.#note(() => `${nameOf(node.peer)} crashes`)
    this.#tellOthers(node.peer, false)
    const forGood =
      node instanceof StewardNode && fate.happens(this.#scenario.lostForGood) && this.#mayLose(node)
    if (forGood) return
    this.#timeline.at(this.nowMs + fate.between(500, 20_000), () => {
      condition.up = true
      this.#note(() => `${nameOf(node.peer)} is back`)
      node.restart()
      this.#tellOthers(node.peer, true)
    })
  }

  /** One steward of each job stays: a job of which all are gone is lost indeed. */
  #mayLose(node: StewardNode): boolean {
    const index = Math.floor(this.#stewards.indexOf(node) / (1 + this.#scenario.standbys))
    const places = this.#stewards.slice(
      index * (1 + this.#scenario.standbys),
      (index + 1) * (1 + this.#scenario.standbys),
    )
    return places.at(-1) !== node
  }

  #pause(node: SimNode, fate: Chance): void {
    const condition = this.#conditions.get(node.peer)!
    condition.pausedUntilMs = this.nowMs + 60_000
    condition.skewMs = fate.happens(0.2) ? fate.between(-600_000, 600_000) : condition.skewMs
    this.#note(() => `${nameOf(node.peer)} sleeps for a minute; its clock is off by ${condition.skewMs} ms`)
  }

  #drive(vehicle: VehicleNode, fate: Chance): void {
    this.later(vehicle, 0, () => {
      this.#note(() => `${nameOf(vehicle.peer)} drives off`)
      vehicle.setMode('stop')
      this.later(vehicle, fate.between(1, 2 * this.#scenario.drivingMs), () => vehicle.setMode('run'))
    })
  }

  #partition(fate: Chance): void {
    const nodes = [...this.#nodes()]
    const side = new Set(nodes.filter(() => fate.happens(0.5)).map(({ peer }) => peer))
    const oneWay = fate.happens(1 / 3)
    for (const a of nodes)
      for (const b of nodes)
        if (side.has(a.peer) && !side.has(b.peer)) {
          this.#mesh.cut(a.peer, b.peer)
          if (!oneWay) this.#mesh.cut(b.peer, a.peer)
        }
    this.#note(() => `${oneWay ? 'one way, ' : ''}${side.size} nodes are cut off`)
    this.#link(nodes, side, false, noticeMs)
    this.#timeline.at(this.nowMs + fate.between(2_000, partitionMsMax), () => {
      this.#mesh.heal()
      this.#note(() => 'the network heals')
      this.#link(nodes, side, true, noticeMs)
    })
  }

  #link(nodes: readonly SimNode[], side: ReadonlySet<PeerId>, up: boolean, afterMs: number): void {
    for (const node of nodes)
      this.later(node, afterMs, () => {
        for (const { peer } of nodes) if (side.has(peer) !== side.has(node.peer)) node.linked(peer, up)
      })
  }

  #tellOthers(peer: PeerId, up: boolean): void {
    for (const node of this.#nodes())
      if (node.peer !== peer) this.later(node, this.#mesh.delayMs(), () => node.linked(peer, up))
  }

  #deliver(from: SimNode, to: PeerId, what: string, hear: (node: StewardNode | VehicleNode) => void): void {
    this.#mesh.send(from.peer, to, () => {
      const node = this.#nodeOf(to)
      if (node === undefined) return
      this.later(node, 0, () => {
        this.#note(() => `${nameOf(from.peer)} > ${nameOf(to)}: ${what}`)
        hear(node)
      })
    })
  }

  #nodeOf(peer: PeerId): StewardNode | VehicleNode | undefined {
    this.#byPeer ??= new Map([...this.#nodes()].map((node) => [node.peer, node]))
    return this.#byPeer.get(peer)
  }

  #byPeer: Map<PeerId, StewardNode | VehicleNode> | undefined

  #talks(a: PeerId, b: PeerId): boolean {
    return this.#conditions.get(b)!.up && this.#mesh.reaches(a, b) && this.#mesh.reaches(b, a)
  }

  *#nodes(): Generator<StewardNode | VehicleNode> {
    yield* this.#stewards
    yield* this.#vehicles
  }

  #graceMs(): number {
    return 2 * leaseTtlMs
  }

  /** Every event goes into the trace's hash; the last ones are kept as they read. */
  #note(line: () => string): void {
    const text = `${this.nowMs} ${line()}`
    for (let i = 0; i < text.length; i += 1) {
      const lane = i & 3
      this.#hash[lane] =
        Math.imul(this.#hash[lane]! ^ text.charCodeAt(i), 0x01000193) ^ (this.#hash[(lane + 1) & 3]! >>> 7)
    }
    this.#trace.push(text)
    if (this.#trace.length > lastEventsMax) this.#trace.shift()
  }
}

function placeOf(node: StewardNode): StewardPlace {
  const nonce = cheapHash(new TextEncoder().encode(node.peer)).slice(0, 16)
  return { peer: node.peer, owner: node.owner, nonce, drawCommitment: cheapHash(node.seedOf(nonce)) }
}

function manifestOf(stewards: readonly StewardPlace[], deadlineMs: number, count: number): Manifest {
  return {
    runtime: 'wasm',
    engine: { name: 'exact', id: 'engine' },
    options: {},
    weights: [],
    shards: { file: cidOf('list'), bytes: 1, count, pages: count },
    documents: { file: cidOf('documents'), bytes: 1, count },
    agreement: 'bytes',
    assurance: { replicas: 2, lead: 3, errorBoundPpb: null, colludingSharePpm: 10_000, arbiter: 'steward' },
    fleet: null,
    shortage: 'wait',
    deadlineMs,
    stewards,
  }
}

function cidOf(name: string): Cid {
  return cborCid(cheapHash, new TextEncoder().encode(name))
}

/** Peer ids have at least 40 characters. */
function peerNamed(name: string): PeerId {
  return name.padEnd(40, '.') as PeerId
}

function nameOf(peer: PeerId): string {
  return peer.replace(/\.+$/, '')
}

function ownerNamed(name: string): OwnerId {
  return `owner of ${name}` as OwnerId
}
