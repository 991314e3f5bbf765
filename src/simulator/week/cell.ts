/**
 * A hundred vehicles of many owners for a week, with as much paid work as they take: the production rules decide when a
 * vehicle works, the production worker and steward what it works on, and the ledger's claims what that is worth.
 *
 * What is left out against the World beside it is what a week of a thousand vehicles has no time for: no network that
 * loses messages, no crashes, no standbys, no liars. Timers of steward and worker fire late by up to 10 and 20 s, which
 * leases survive, and a shard takes five minutes where the mesh cuts them to seconds: so more is lost to each departure here than there.
 */

import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { leaseInput } from '../../protocol/inbox.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { ShardEntry } from '../../protocol/job/lists.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import { JobClaims } from '../../protocol/ledger/claims.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Ask } from '../../protocol/price.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { type Checked, isMoney } from '../../protocol/records.ts'
import type { RuleVerdict } from '../../protocol/rules/judgement.ts'
import { OwnerRules } from '../../protocol/rules/rules.ts'
import type { StewardEffect, StewardInput } from '../../protocol/steward/contract.ts'
import { Steward } from '../../protocol/steward/steward.ts'
import type { WorkerEffect, WorkerInput } from '../../protocol/worker/contract.ts'
import { Worker } from '../../protocol/worker/worker.ts'
import { Chance, cheapHash } from '../chance.ts'
import { capacityOf, cidOf, manifestOf, ownerNamed, peerNamed, secretNamed, seedNamed } from '../fixtures.ts'
import { Timeline } from '../timeline.ts'
import { believed } from '../unsigned.ts'
import { Life } from './life.ts'
import { type Owner, ownerOf } from './owners.ts'
import { Presence, type Presences } from './presence.ts'
import { dayMs, habitsOf, hourMs, type Kind, tripsOf } from './trips.ts'
import { tickMs, Watchful } from './watchful.ts'

export interface CellOptions {
  readonly seed: number
  readonly vehicles: number
  readonly robotaxis: number
  readonly days: number
}

export interface VehicleWeek {
  readonly kind: Kind
  readonly parkedMs: number
  /** While its owner's rules let it work. */
  readonly allowedMs: number
  /** In its slot, whatever came of it. */
  readonly computedMs: number
  /** Of that: broken off, since the rules said stop; finished, and never paid since it came late; not decided yet when the week ended. */
  readonly brokenOffMs: number
  readonly unpaidMs: number
  readonly pendingMs: number
  readonly kwh: number
  readonly owedMicros: number
}

export interface CellWeek {
  readonly vehicles: readonly VehicleWeek[]
  readonly violations: readonly string[]
  readonly presence: Presence
  readonly shardsVerified: number
}

/** 2026-06-01, a Monday, at midnight in Berlin: no clock changes in the weeks around it. */
const startMs = Date.UTC(2026, 4, 31, 22)
const timeZone = 'Europe/Berlin'

/** 150 pages, of two seconds each. */
const shardMs = 300_000
const pagesPerShard = 150
/** About a cell's work of a night. */
const shardsPerJob = 3_000
const currency = 'EUR'
/** The most that a page may cost. Who asks for more is not drawn. */
const pageMicrosMax = 130
/** An awake computer with its work, as owners measured them: 300 W. */
const workKw = 0.3

const stewardSlackMs = 10_000
const workerSlackMs = 20_000
const advertsMs = 30_000
const looksForJobs = 10
/** What ends by itself, and at its minute. */
const mild: ReadonlySet<string> = new Set(['settling', 'paused', 'quiet-hours', 'ready-by'])
const idleTickMs = 60_000
const engine = { runtime: 'ocr', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 1_800 }

export class Cell {
  readonly chance: Chance
  readonly timeline = new Timeline()
  readonly presence = new Presence()
  readonly #options: CellOptions
  readonly #vehicles: CellVehicle[] = []
  readonly #byPeer = new Map<PeerId, CellVehicle>()
  readonly #jobs = new Map<JobId, CellJob>()
  #jobsBegun = 0
  #rounds = 0
  #shardsVerified = 0
  /** What is to be said once the machine that speaks has finished. */
  readonly #said: (() => void)[] = []
  #isSaying = false

  constructor(options: CellOptions) {
    this.#options = options
    this.chance = new Chance(options.seed, 'cell')
    for (let i = 0; i < options.vehicles; i += 1) {
      const vehicle = new CellVehicle(this, i, i < options.robotaxis ? 'robotaxi' : 'private', options)
      this.#vehicles.push(vehicle)
      this.#byPeer.set(vehicle.peer, vehicle)
    }
  }

  run(): CellWeek {
    for (const vehicle of this.#vehicles) vehicle.begin()
    this.#advertise()
    while (this.timeline.step(this.#options.days * dayMs));
    return {
      vehicles: this.#vehicles.map((vehicle) => vehicle.week()),
      violations: this.#vehicles.flatMap(({ watchful }) => watchful.violations),
      presence: this.presence,
      shardsVerified: this.#shardsVerified,
    }
  }

  get nowMs(): number {
    return this.timeline.nowMs
  }

  /** On clocks. */
  get clockMs(): number {
    return startMs + this.timeline.nowMs
  }

  /** One thing after the other: machines must not be handed an input while they answer another. */
  say(what: () => void): void {
    this.#said.push(what)
    if (this.#isSaying) return
    this.#isSaying = true
    for (let next = this.#said.shift(); next !== undefined; next = this.#said.shift()) next()
    this.#isSaying = false
  }

  toSteward(job: JobId, input: StewardInput): void {
    this.say(() => this.#jobs.get(job)?.tell(input))
  }

  vehicle(peer: PeerId): CellVehicle {
    return this.#byPeer.get(peer)!
  }

  verified(shards: number): void {
    this.#shardsVerified += shards
  }

  ended(job: JobId): void {
    this.#jobs.delete(job)
    for (const vehicle of this.#vehicles) vehicle.ended(job)
  }

  #advertise(): void {
    const capacities = this.#vehicles.map((vehicle) => vehicle.capacity())
    for (const job of this.#jobs.values()) job.learn(capacities)
    // The next job begins when nothing of the others waits any more. To look is to count all of its shards.
    const isTime = this.#rounds % looksForJobs === 0
    this.#rounds += 1
    if (isTime && [...this.#jobs.values()].every((job) => job.isHandedOut)) {
      const job = new CellJob(this, this.#jobsBegun)
      this.#jobsBegun += 1
      this.#jobs.set(job.id, job)
      job.learn(capacities)
    }
    this.timeline.at(this.nowMs + advertsMs, () => this.#advertise())
  }
}

class CellJob {
  readonly manifest: Verified<Manifest>
  readonly #cell: Cell
  readonly #steward: Steward
  readonly #claims: JobClaims
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  #wakes = false

  constructor(cell: Cell, index: number) {
    this.#cell = cell
    const self = peerNamed(`steward-${index}`)
    const nonce = new Uint8Array(16)
    const seed = seedNamed(`${self}/${cell.chance.next()}`)
    const shards: ShardEntry[] = Array.from({ length: shardsPerJob }, (_, i) => ({
      shard: cidOf(`shard ${index} ${i}`),
      pages: pagesPerShard,
      bytes: 4_000_000,
      costMs: shardMs,
    }))
    this.manifest = manifestOf({
      name: `job ${index} ${cell.chance.next()}`,
      serial: index,
      submitter: peerNamed('submitter'),
      runtime: 'ocr',
      shards: shardsPerJob,
      pagesPerShard,
      assurance: {
        replicas: 2,
        audits: null,
        lead: 3,
        errorBoundPpb: null,
        colludingSharePpm: 10_000,
        arbiter: 'steward',
      },
      payment: {
        currency,
        unit: 'page',
        unitMicrosMax: pageMicrosMax,
        // Two replicas and a half: speculation and what departures cost.
        budgetMicros: Math.round(2.5 * shardsPerJob * pagesPerShard * pageMicrosMax),
      },
      deadlineMs: cell.clockMs + 3 * dayMs,
      stewards: [{ peer: self, owner: ownerNamed(self), nonce, drawCommitment: cheapHash(seed) }],
    })
    const { id, payload: manifest, signer: submitter } = this.manifest
    this.#steward = new Steward({ job: id, manifest, shards, self, seed, sha256: cheapHash })
    this.#claims = new JobClaims({ job: id, submitter, fleet: null, currency })
  }

  get id(): JobId {
    return this.manifest.id
  }

  /** Whether every shard is at least with somebody. */
  get isHandedOut(): boolean {
    return this.#steward.view().shards.queued === 0
  }

  learn(capacities: readonly Capacity[]): void {
    this.#cell.say(() => this.tell({ type: 'roster', capacities }))
  }

  tell(input: StewardInput): void {
    for (const effect of this.#steward.handle(input, this.#cell.clockMs)) this.#carryOut(effect)
    if (input.type === 'receipt') this.#learnOf(input.receipt)
  }

  #carryOut(effect: StewardEffect): void {
    const cell = this.#cell
    switch (effect.type) {
      case 'issue': {
        const { issued } = effect
        if (issued.kind === 'lease') this.#leases.set(issued.record.id, issued.record)
        else if (issued.kind === 'verdict')
          cell.verified(issued.record.payload.shards.filter(({ outcome }) => outcome === 'accepted').length)
        if (isMoney(issued) && issued.kind !== 'allowance') this.#learnOf(issued)
        break
      }
      case 'offer': {
        const lease = this.#leases.get(effect.lease)!
        cell.say(() => cell.vehicle(effect.to).offered(this, lease))
        break
      }
      case 'send': {
        const { message, to } = effect
        if (message.type === 'acknowledge' || message.type === 'withdraw')
          cell.say(() => cell.vehicle(to).tell({ ...message, from: this.manifest.payload.stewards[0]!.peer }))
        break
      }
      case 'collect':
        cell.timeline.at(cell.nowMs + cell.chance.between(100, 1_000), () =>
          cell.toSteward(this.id, {
            type: 'examined',
            results: effect.wanted.map((want) => ({
              ...want,
              finding: { state: 'good', text: want.result, exhausted: false },
            })),
          }),
        )
        break
      case 'ended':
        cell.say(() => cell.ended(this.id))
        break
      case 'wake': {
        if (this.#wakes) break
        this.#wakes = true
        const atMs = effect.atMs - cell.clockMs + cell.nowMs
        cell.timeline.at(Math.ceil(atMs / stewardSlackMs) * stewardSlackMs, () => {
          this.#wakes = false
          cell.toSteward(this.id, { type: 'wake' })
        })
        break
      }
      default: // nobody lies in here, and nothing has to be kept
    }
  }

  #learnOf(record: Parameters<JobClaims['learn']>[0]): void {
    for (const { claim, outcome } of this.#claims.learn(record))
      if (outcome !== 'pending')
        this.#cell.vehicle(claim.vehicle).claimed(claim.lease, claim.place, outcome, claim.ownerMicros)
  }
}

interface Run {
  readonly job: CellJob
  readonly lease: Verified<Lease>
  place: number
  beganMs: number
  isDraining: boolean
}

class CellVehicle {
  readonly peer: PeerId
  readonly watchful: Watchful
  readonly #cell: Cell
  readonly #kind: Kind
  readonly #owner: OwnerId
  readonly #engine: typeof engine & { readonly ask: Ask }
  readonly #life: Life
  readonly #rules: OwnerRules
  readonly #worker: Worker
  readonly #pauses: Owner['pauses']
  readonly #leases = new Map<LeaseId, { readonly job: CellJob; readonly lease: Verified<Lease> }>()
  readonly #receipts = new Map<RecordId, Checked<'receipt'>>()
  /** Of shards that are done and not decided: how long each took. */
  readonly #undecidedMs = new Map<string, number>()
  #run: Run | undefined
  #verdict: RuleVerdict = 'stop'
  #reason: Presences = 'held back'
  #untilMs: number | null = null
  #serial = 0
  #capacity: Capacity | undefined
  #tickAtMs = 0
  #seenMs = 0
  readonly #totals = { parkedMs: 0, allowedMs: 0, computedMs: 0, brokenOffMs: 0, unpaidMs: 0, owedMicros: 0 }

  constructor(cell: Cell, index: number, kind: Kind, { seed, days }: CellOptions) {
    const chance = new Chance(seed, `vehicle ${index}`)
    const habits = habitsOf(chance, kind)
    const weeksBefore = 8
    const earlier = tripsOf(chance, kind, habits, -7 * weeksBefore, 7 * weeksBefore)
    const trips = tripsOf(chance, kind, habits, 0, days)
    const owner = ownerOf(chance, kind, habits, timeZone)
    this.#cell = cell
    this.#kind = kind
    this.peer = peerNamed(`car-${index}`)
    this.#owner = ownerNamed(`car-${index}`)
    this.#engine = { ...engine, ask: { currency, unitMicros: owner.pageMicros } }
    this.#pauses = owner.pauses
    this.#life = new Life(chance, kind, habits, trips)
    this.#rules = new OwnerRules(owner.preferences, {
      departures: earlier.map(({ leavesMs }) => startMs + leavesMs),
    })
    this.watchful = new Watchful(this.peer, this.#life, owner.preferences, owner.hours)
    const secret = secretNamed(`${seed}/${index}`)
    this.#worker = new Worker(
      { self: this.peer, slots: 1, engines: [this.#engine], categories: null, secret, sha256: cheapHash },
      1,
    )
  }

  begin(): void {
    for (const { atMs, forMs } of this.#pauses)
      this.#cell.timeline.at(atMs, () => {
        const { clockMs, nowMs } = this.#cell
        this.watchful.paused(nowMs + forMs)
        this.#rules.handle({ type: 'pause', untilMs: clockMs + forMs }, clockMs)
        this.#tick()
      })
    this.#tick()
  }

  week(): VehicleWeek {
    this.#account()
    const { computedMs, ...totals } = this.#totals
    const pendingMs = [...this.#undecidedMs.values()].reduce((sum, ms) => sum + ms, 0)
    return { kind: this.#kind, ...totals, computedMs, pendingMs, kwh: (computedMs / hourMs) * workKw }
  }

  capacity(): Capacity {
    const { slots } = this.#worker.view()
    const known = this.#capacity
    if (
      known?.slots.free === slots.free &&
      known.mode === this.#verdict &&
      known.availableUntilMs === this.#untilMs
    )
      return known
    this.#serial += 1
    const { peer } = this
    this.#capacity = capacityOf({
      peer,
      owner: this.#owner,
      serial: this.#serial,
      slots,
      mode: this.#verdict,
      availableUntilMs: this.#untilMs,
      engines: [this.#engine],
    })
    return this.#capacity
  }

  offered(job: CellJob, lease: Verified<Lease>): void {
    this.#leases.set(lease.id, { job, lease })
    const { manifest } = job
    this.tell({ type: 'offer', from: lease.signer, manifest, handovers: [], lease })
  }

  ended(job: JobId): void {
    this.tell({ type: 'ended', job, from: this.#stewardOf(job) })
    for (const [id, { lease }] of this.#leases) if (lease.job === job) this.#leases.delete(id)
    for (const [id, { record }] of this.#receipts) if (record.job === job) this.#receipts.delete(id)
  }

  claimed(lease: LeaseId, place: number, outcome: 'paid' | 'void' | 'reopened', micros: number): void {
    const key = `${lease}/${place}`
    const tookMs = this.#undecidedMs.get(key)
    if (tookMs === undefined) return
    this.#undecidedMs.delete(key)
    if (outcome === 'paid') this.#totals.owedMicros += micros
    else this.#totals.unpaidMs += tookMs
  }

  tell(input: WorkerInput): void {
    for (const effect of this.#worker.handle(input, this.#cell.clockMs)) this.#carryOut(effect)
  }

  /** Lets time pass for it, and does what its owner's rules say of that. */
  #tick(): void {
    const cell = this.#cell
    const { nowMs, clockMs } = cell
    this.#account()
    this.#life.advance(nowMs, this.#run === undefined ? 0 : workKw)
    const readings = this.#life.readings(clockMs)
    const { judgement } = this.#rules.handle(
      readings === undefined ? { type: 'look' } : { type: 'readings', readings },
      clockMs,
    )
    const { verdict, availableUntilMs } = judgement
    if (availableUntilMs !== this.#untilMs) {
      this.#untilMs = availableUntilMs
      cell.say(() => this.tell({ type: 'available', untilMs: availableUntilMs }))
    }
    if (verdict !== this.#verdict) {
      this.#verdict = verdict
      cell.say(() => this.tell({ type: 'mode', mode: verdict }))
    }
    this.#reason = reasonOf(judgement.reasons)
    this.watchful.check(nowMs, this.#run !== undefined, verdict === 'run')
    // What stands still for more than the settling time's sake is looked at once a minute: it cannot begin in between.
    const isHopeful = verdict === 'run' || judgement.reasons.every((reason) => mild.has(reason))
    const everyMs = isHopeful || this.#run !== undefined ? tickMs : idleTickMs
    this.#tickAt(Math.min(nowMs + everyMs, this.#life.nextChangeMs))
  }

  #tickAt(atMs: number): void {
    this.#tickAtMs = atMs
    this.#cell.timeline.at(atMs, () => {
      if (this.#tickAtMs === atMs) this.#tick()
    })
  }

  /** Since the last time, everything was as it is now. */
  #account(): void {
    const { nowMs, presence } = this.#cell
    const forMs = nowMs - this.#seenMs
    if (forMs === 0) return
    const isDriving = this.#life.truth.kmh > 0
    if (!isDriving) this.#totals.parkedMs += forMs
    if (this.#verdict === 'run') this.#totals.allowedMs += forMs
    const what = isDriving
      ? 'driving'
      : this.#run !== undefined
        ? 'working'
        : this.#verdict === 'run'
          ? 'waiting'
          : this.#reason
    presence.add(this.#seenMs, nowMs, what)
    this.#seenMs = nowMs
  }

  #carryOut(effect: WorkerEffect): void {
    const cell = this.#cell
    switch (effect.type) {
      case 'issue': {
        this.#receipts.set(effect.issued.record.id, effect.issued)
        break
      }
      case 'deliver': {
        const known = this.#receipts.get(effect.receipt)
        if (known === undefined) break
        cell.toSteward(known.record.job!, {
          type: 'receipt',
          receipt: believed(known),
          released: effect.released,
        })
        break
      }
      case 'send': {
        const { message } = effect
        if (message.type !== 'accept' && message.type !== 'decline' && message.type !== 'progress') break
        cell.toSteward(message.job, leaseInput(this.peer, message))
        break
      }
      case 'prepare':
        cell.timeline.at(cell.nowMs + cell.chance.between(1_000, 10_000), () =>
          cell.say(() => this.tell({ type: 'prepared', lease: effect.lease })),
        )
        break
      case 'run':
        this.#account()
        this.#runNext(effect.lease)
        break
      case 'drain':
        if (this.#run !== undefined) this.#run.isDraining = true
        break
      case 'abort':
        this.#account()
        if (this.#run !== undefined) {
          const tookMs = cell.nowMs - this.#run.beganMs
          this.#totals.computedMs += tookMs
          this.#totals.brokenOffMs += tookMs
        }
        this.#run = undefined
        break
      case 'wake': {
        const atMs = effect.atMs - cell.clockMs + cell.nowMs
        cell.timeline.at(Math.ceil(atMs / workerSlackMs) * workerSlackMs, () =>
          cell.say(() => this.tell({ type: 'wake' })),
        )
        break
      }
      default: // what is kept, shown and advertised needs nothing in here
    }
  }

  /** One shard of a lease; its leases have one each, since a shard takes longer than a lease is to. */
  #runNext(id: LeaseId): void {
    const cell = this.#cell
    const known = this.#leases.get(id)
    if (known === undefined) return
    const { job, lease } = known
    const run: Run = { job, lease, place: 0, beganMs: cell.nowMs, isDraining: false }
    this.#run = run
    this.#runShard(run)
  }

  #runShard(run: Run): void {
    const cell = this.#cell
    run.beganMs = cell.nowMs
    this.watchful.begins(cell.nowMs)
    const tookMs = cell.chance.between(0.7 * shardMs, 1.4 * shardMs)
    cell.timeline.at(cell.nowMs + tookMs, () => {
      if (this.#run !== run) return
      this.#account()
      const { lease, place } = run
      this.#totals.computedMs += tookMs
      this.#undecidedMs.set(`${lease.id}/${place}`, tookMs)
      const result = cidOf(`result ${lease.job} ${lease.payload.positions[place]}`)
      const isLast = place + 1 === lease.payload.positions.length
      if (isLast || run.isDraining) this.#run = undefined
      cell.say(() =>
        this.tell({ type: 'shard-done', lease: lease.id, place, result, cpuMs: tookMs, wallMs: tookMs }),
      )
      if (isLast || run.isDraining) cell.say(() => this.tell({ type: 'run-ended', lease: lease.id }))
      else {
        run.place += 1
        this.#runShard(run)
      }
    })
  }

  #stewardOf(job: JobId): PeerId {
    for (const { lease } of this.#leases.values()) if (lease.job === job) return lease.signer
    return this.peer
  }
}

/** Whoever is unplugged, or low on charge, is mostly also something else. */
function reasonOf(reasons: readonly string[]): Presences {
  if (reasons.includes('unplugged')) return 'unplugged'
  return reasons.includes('charge-low') || reasons.includes('reserve') ? 'charging' : 'held back'
}
