/** A vehicle: carries out what its worker decides, as src/host/vehicle does in the real world. */

import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import type { Handover } from '../protocol/job/handover.ts'
import type { Lease, Opening, Receipt } from '../protocol/job/lease.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import type { Capacity, EngineAdvert } from '../protocol/membership/advert.ts'
import type { Message, ReleaseReason } from '../protocol/message.ts'
import type { Ask } from '../protocol/price.ts'
import { cborCid } from '../protocol/record/block.ts'
import type { Verified } from '../protocol/record/record.ts'
import { checked } from '../protocol/records.ts'
import type {
  Done,
  RestoredJob,
  RestoredLease,
  WorkerEffect,
  WorkerInput,
} from '../protocol/worker/contract.ts'
import { Worker } from '../protocol/worker/worker.ts'
import { type Chance, cheapHash } from './chance.ts'
import { Disk } from './disk.ts'
import { type SimStatement, VehicleMoney } from './money.ts'
import type { SimNode } from './sim-node.ts'
import { operatorPpm, type SimJob } from './steward-node.ts'
import type { World } from './world.ts'

/** What its owner makes it answer; see scenario.ts. */
export type Temper = 'honest' | 'liar' | 'same-owner' | 'accomplice' | 'cartel'

type Written =
  | { readonly type: 'lease'; readonly job: SimJob; readonly lease: Verified<Lease> }
  | { readonly type: 'follow'; readonly job: JobId; readonly steward: PeerId }
  | { readonly type: 'receipt'; readonly receipt: Verified<Receipt>; readonly opening: Opening }
  | { readonly type: 'done'; readonly lease: LeaseId; readonly done: Done }
  | { readonly type: 'release'; readonly lease: LeaseId; readonly reason: ReleaseReason | null }
  | { readonly type: 'entry'; readonly entry: Entry }

const engine = { runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 0 }

export class VehicleNode implements SimNode {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly temper: Temper
  readonly #slowness: number
  readonly #engine: EngineAdvert
  #capacity: Capacity | undefined
  #serial = 0
  readonly #world: World
  readonly #disk = new Disk<Written>()
  #worker: Worker
  #money: VehicleMoney
  #mode: Capacity['mode'] = 'run'
  #lives = 0
  #runs = new Map<number, { readonly lease: LeaseId; draining: boolean }>()
  readonly #jobs = new Map<JobId, SimJob>()
  readonly #leases = new Map<LeaseId, { readonly job: SimJob; readonly lease: Verified<Lease> }>()
  readonly #receipts = new Map<RecordId, { readonly receipt: Verified<Receipt>; readonly opening: Opening }>()
  readonly #finished = new Map<LeaseId, Set<number>>()
  /** Results that it has computed, and gives to whoever collects them. */
  readonly #given = new Set<Cid>()
  #durableMs = 0

  constructor(world: World, peer: PeerId, owner: OwnerId, temper: Temper, slowness: number, ask: Ask | null) {
    this.#engine = { ...engine, ask }
    this.#world = world
    this.peer = peer
    this.owner = owner
    this.temper = temper
    this.#slowness = slowness
    this.#worker = this.#newWorker()
    this.#money = this.#newMoney([])
  }

  /** The same as before while nothing in it has changed. */
  capacity(): Capacity {
    const { slots } = this.#worker.view()
    if (this.#capacity?.slots.free === slots.free && this.#capacity.mode === this.#mode) return this.#capacity
    this.#serial += 1
    this.#capacity = {
      peer: this.peer,
      owner: this.owner,
      serial: this.#serial,
      expiresMs: Number.MAX_SAFE_INTEGER,
      name: this.peer,
      certificate: null,
      credential: null,
      slots,
      mode: this.#mode,
      reasons: [],
      availableUntilMs: null,
      engines: [this.#engine],
      addresses: [],
      software: 'carpool',
    }
    return this.#capacity
  }

  get openLeases(): number {
    return this.#worker.view().leases
  }

  /** A result on its disk is damaged, which it notices when it reads it. */
  flip(chance: Chance): void {
    const results = [...this.#given]
    const damaged = results[chance.between(0, Math.max(0, results.length - 1))]
    if (damaged !== undefined) this.#given.delete(damaged)
  }

  offer(from: PeerId, job: SimJob, lease: Verified<Lease>, handovers: readonly Verified<Handover>[]): void {
    this.#jobs.set(job.manifest.id, job)
    this.#leases.set(lease.id, { job, lease })
    this.#tell({ type: 'offer', from, manifest: job.manifest, handovers, lease })
  }

  adopt(from: PeerId, job: SimJob, handovers: readonly Verified<Handover>[]): void {
    this.#jobs.set(job.manifest.id, job)
    this.#tell({ type: 'adopt', from, manifest: job.manifest, handovers })
  }

  hear(from: PeerId, message: Message): void {
    if (message.type === 'acknowledge' || message.type === 'withdraw' || message.type === 'ended')
      this.#tell({ ...message, from })
  }

  linked(peer: PeerId, up: boolean): void {
    if (!up) return
    this.#tell({ type: 'connected', peer })
    this.#money.connected(peer, this.#world.clockOf(this))
  }

  hearStatement(said: SimStatement): void {
    this.#money.hear(said, this.#world.clockOf(this))
  }

  worksFor(job: JobId): boolean {
    return this.#money.worksFor(job)
  }

  /** Asks what became of its work as often as it takes, with nothing lost. */
  reconcile(job: JobId, ask: (before: number | null) => SimStatement[]): void {
    this.#money.reconcile(job, ask, this.#world.clockOf(this))
  }

  setMode(mode: Capacity['mode']): void {
    this.#mode = mode
    this.#tell({ type: 'mode', mode })
    if (mode === 'stop') this.#world.checkers.stopped(this.peer, this.#runs.size)
  }

  has(result: Cid): boolean {
    return this.#given.has(result)
  }

  restart(): void {
    this.#disk.crash(this.#world.nowMs, this.#world.chance)
    this.#runs = new Map()
    this.#finished.clear()
    this.#worker = this.#newWorker()
    const jobs = new Map<JobId, { job: SimJob; steward: PeerId | null; leases: Map<LeaseId, Lost> }>()
    const leases = new Map<LeaseId, Lost>()
    const entries: Entry[] = []
    for (const written of this.#disk.entries()) {
      if (written.type === 'lease') {
        const { id } = written.job.manifest
        const lost: Lost = { lease: written.lease, receipts: [], done: [], released: undefined }
        if (leases.has(written.lease.id)) continue
        leases.set(written.lease.id, lost)
        const known = jobs.get(id) ?? { job: written.job, steward: null, leases: new Map() }
        known.leases.set(written.lease.id, lost)
        jobs.set(id, known)
      } else if (written.type === 'entry') entries.push(written.entry)
      else if (written.type === 'follow') {
        const known = jobs.get(written.job)
        if (known !== undefined) known.steward = written.steward
      } else if (written.type === 'receipt')
        leases.get(written.receipt.payload.lease)?.receipts.push(written.receipt)
      else if (written.type === 'done') {
        leases.get(written.lease)?.done.push(written.done)
        this.#finishedOf(written.lease).add(written.done.place)
      } else {
        const lost = leases.get(written.lease)
        if (lost !== undefined) lost.released = written.reason
      }
    }
    const restored: RestoredJob[] = [...jobs.values()].map(({ job, steward, leases }) => ({
      manifest: job.manifest,
      handovers: [],
      steward,
      leases: [...leases.values()] as readonly RestoredLease[],
    }))
    this.#money = this.#newMoney(entries)
    this.#world.checkers.ledgers.restarted(this.peer, entries)
    for (const { job, leases: lost } of jobs.values()) {
      this.#knowStewards(job)
      for (const { lease, receipts } of lost.values())
        for (const receipt of receipts) this.#money.signed(lease, receipt, this.#world.clockOf(this))
    }
    this.#carryOutAll(this.#worker.restore(restored, this.#world.clockOf(this)))
    for (const { job } of jobs.values()) this.#knowStewards(job)
    if (this.#mode !== 'run') this.#tell({ type: 'mode', mode: this.#mode })
    for (const peer of this.#world.linkedTo(this)) this.#tell({ type: 'connected', peer })
  }

  #newWorker(): Worker {
    const { peer } = this
    const secret = cheapHash(new TextEncoder().encode(`secret/${peer}/${this.#lives}`))
    this.#lives += 1
    const worker = new Worker(
      { self: peer, slots: 1, engines: [this.#engine], categories: null, secret, sha256: cheapHash },
      this.#lives * 2 ** 25,
    )
    worker.handle({ type: 'operator-share', ppm: operatorPpm }, this.#world.nowMs)
    return worker
  }

  #knowStewards(job: SimJob): void {
    const known = this.#worker.stewardsOf(job.manifest.id)
    const stewards = known.length > 0 ? known : job.manifest.payload.stewards.map(({ peer }) => peer)
    this.#money.took(job, stewards, this.#world.clockOf(this))
  }

  #newMoney(entries: readonly Entry[]): VehicleMoney {
    const world = this.#world
    return new VehicleMoney(
      {
        peer: this.peer,
        write: (entry) => {
          this.#write({ type: 'entry', entry })
          world.checkers.ledgers.entry(this.peer, entry)
        },
        wake: (atMs, happen) => world.later(this, atMs - world.clockOf(this), happen),
        ask: (to, job, before) => this.#after(() => world.send(this, to, { type: 'account', job, before })),
        accounted: (to, job, statement, micros) =>
          this.#after(() => world.send(this, to, { type: 'accounted', job, statement, micros })),
      },
      entries,
    )
  }

  #tell(input: WorkerInput): void {
    this.#carryOutAll(this.#worker.handle(input, this.#world.clockOf(this)))
  }

  #carryOutAll(effects: readonly WorkerEffect[]): void {
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: WorkerEffect): void {
    const world = this.#world
    switch (effect.type) {
      case 'take':
        this.#write({ type: 'lease', ...this.#leases.get(effect.lease)! })
        this.#knowStewards(this.#leases.get(effect.lease)!.job)
        break
      case 'follow':
        this.#write({ type: 'follow', job: effect.job, steward: effect.steward })
        if (this.#money.worksFor(effect.job)) this.#knowStewards(this.#jobs.get(effect.job)!)
        break
      case 'issue': {
        const receipt = { ...effect.body, id: effect.id } as Verified<Receipt>
        world.checkers.signed(effect.id, effect.body, effect.opening, this.temper !== 'honest')
        this.#receipts.set(effect.id, { receipt, opening: effect.opening })
        this.#write({ type: 'receipt', receipt, opening: effect.opening })
        this.#money.signed(this.#leases.get(receipt.payload.lease)!.lease, receipt, world.clockOf(this))
        break
      }
      case 'release':
        this.#write({ type: 'release', lease: effect.lease, reason: effect.reason })
        break
      case 'deliver': {
        const known = this.#receipts.get(effect.receipt)
        if (known !== undefined)
          this.#after(() => world.deliver(this, effect.to, known.receipt, known.opening, effect.released))
        break
      }
      case 'show': {
        const known = this.#leases.get(effect.lease)
        if (known !== undefined)
          this.#after(() => world.share(this, effect.to, checked('lease', known.lease)))
        break
      }
      case 'send':
        this.#after(() => world.send(this, effect.to, effect.message))
        break
      case 'prepare':
        world.later(this, world.chance.between(50, 500), () => {
          if (world.hasRoom(this)) this.#tell({ type: 'prepared', lease: effect.lease })
          else this.#tell({ type: 'unprepared', lease: effect.lease, why: 'no-space' })
        })
        break
      case 'run': {
        const run = { lease: effect.lease, draining: false }
        this.#runs.set(effect.slot, run)
        this.#runNext(effect.slot, run)
        break
      }
      case 'drain':
        this.#runs.get(effect.slot)!.draining = true
        break
      case 'abort':
        this.#runs.delete(effect.slot)
        break
      case 'wake':
        world.later(this, effect.atMs - world.clockOf(this), () => this.#tell({ type: 'wake' }))
        break
      default: // adverts are told by the world; what was fetched needs no room here
    }
  }

  #runNext(slot: number, run: { readonly lease: LeaseId; draining: boolean }): void {
    const { lease, job } = this.#leases.get(run.lease)!
    const finished = this.#finishedOf(run.lease)
    const place = lease.payload.positions.findIndex((_, i) => !finished.has(i))
    if (place < 0) {
      this.#runs.delete(slot)
      this.#tell({ type: 'run-ended', lease: run.lease })
      return
    }
    const expectedMs = job.shards[0]!.costMs * this.#slowness
    const costMs = this.#world.chance.between(expectedMs / 2, expectedMs * 2)
    this.#world.later(this, costMs, () => {
      if (this.#runs.get(slot) !== run) return
      const result = this.#answer(job, lease.payload.positions[place]!)
      const done: Done = { place, result, cpuMs: costMs, wallMs: costMs }
      this.#given.add(result)
      finished.add(place)
      this.#write({ type: 'done', lease: run.lease, done })
      this.#tell({ type: 'shard-done', lease: run.lease, ...done })
      if (this.#runs.get(slot) !== run) return
      if (run.draining) {
        this.#runs.delete(slot)
        this.#tell({ type: 'run-ended', lease: run.lease })
      } else this.#runNext(slot, run)
    })
  }

  #answer(job: SimJob, position: number): Cid {
    const truth = job.truth(position)
    switch (this.temper) {
      case 'honest':
        return truth
      case 'liar':
        return cborCid(cheapHash, new TextEncoder().encode(`${this.peer} ${truth}`))
      case 'cartel':
        return this.#world.cartelHoldsAll(job, position) ? lieAbout(truth) : truth
      default:
        return lieAbout(truth)
    }
  }

  #finishedOf(lease: LeaseId): Set<number> {
    const known = this.#finished.get(lease) ?? new Set()
    this.#finished.set(lease, known)
    return known
  }

  #write(written: Written): void {
    this.#durableMs = Math.max(this.#durableMs, this.#world.nowMs + this.#world.fsyncMs())
    this.#disk.write(written, this.#durableMs)
  }

  #after(say: () => void): void {
    this.#world.later(this, Math.max(0, this.#durableMs - this.#world.nowMs), say)
  }
}

interface Lost {
  readonly lease: Verified<Lease>
  readonly receipts: Verified<Receipt>[]
  readonly done: Done[]
  released: ReleaseReason | null | undefined
}

/** What all accomplices answer. */
function lieAbout(truth: Cid): Cid {
  return cborCid(cheapHash, new TextEncoder().encode(`lie about ${truth}`))
}
