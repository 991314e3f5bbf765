/** A vehicle: carries out what its worker decides, as src/host/vehicle does in the real world. */

import { impossible } from '../base/assert.ts'
import { carryOut, type Hands } from '../protocol/driver.ts'
import type { Cid, JobId, LeaseId, OwnerId, PeerId, RecordId } from '../protocol/ids.ts'
import { isToSteward } from '../protocol/inbox.ts'
import type { Entry } from '../protocol/ledger/entry.ts'
import type { Capacity, EngineAdvert } from '../protocol/membership/advert.ts'
import type { Message } from '../protocol/message.ts'
import type { Ask } from '../protocol/price.ts'
import { type Checked, checked } from '../protocol/records.ts'
import type { WorkerEffect, WorkerInput } from '../protocol/worker/contract.ts'
import { Worker } from '../protocol/worker/worker.ts'
import { type Chance, cheapHash } from './chance.ts'
import { capacityOf, operatorPpm, secretNamed } from './fixtures.ts'
import { answerOf, isAccomplice, isLiar, type Temper } from './liars.ts'
import { type SimStatement, VehicleMoney } from './money.ts'
import { Shell } from './shell.ts'
import type { SimJob } from './sim-job.ts'
import type { Parcel, SimWorld } from './sim-world.ts'
import { Slots, type TakenLease } from './slots.ts'
import { remember, type VehicleWritten } from './vehicle-disk.ts'

const engine = { runtime: 'wasm', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 0 }

export interface VehicleTraits {
  readonly temper: Temper
  /** By how much its shards take longer than the job says. */
  readonly slowness: number
  /** Null: it works for nothing. */
  readonly ask: Ask | null
}

export class VehicleNode extends Shell<VehicleWritten> {
  readonly role = 'vehicle'
  readonly temper: Temper
  readonly #engine: EngineAdvert
  readonly #slots: Slots
  readonly #hands = this.#makeHands()
  readonly #after = (say: () => void) => this.after(say)
  readonly #jobs = new Map<JobId, SimJob>()
  readonly #leases = new Map<LeaseId, TakenLease>()
  readonly #receipts = new Map<RecordId, Checked<'receipt'>>()
  /** Results that it has computed, and gives to the nodes that collect them. */
  readonly #given = new Set<Cid>()
  #worker: Worker
  #money: VehicleMoney
  #capacity: Capacity | undefined
  #serial = 0
  #mode: Capacity['mode'] = 'run'
  #lives = 0

  constructor(world: SimWorld, peer: PeerId, owner: OwnerId, { temper, slowness, ask }: VehicleTraits) {
    super(world, peer, owner)
    this.#engine = { ...engine, ask }
    this.temper = temper
    this.#slots = new Slots({
      begin: ({ shards }) => {
        const expectedMs = shards[0]!.costMs * slowness
        return world.chance.between(expectedMs / 2, expectedMs * 2)
      },
      later: (delayMs, happen) => {
        if (temper !== 'mute') world.later(this, delayMs, happen)
      },
      answer: (job, position, { signer }) =>
        answerOf(
          temper,
          peer,
          job.truth(position),
          () => world.cartelHoldsAll(job, position),
          world.isLying(signer),
        ),
      done: (lease, done) => {
        if (temper !== 'miser') this.#given.add(done.result)
        this.durable({ type: 'done', lease, done })
        this.#tell({ type: 'shard-done', lease, ...done })
      },
      ended: (lease) => this.#tell({ type: 'run-ended', lease }),
    })
    this.#worker = this.#newWorker()
    this.#money = this.#newMoney([])
  }

  /** The same as before while nothing in it has changed. */
  capacity(): Capacity {
    const { slots } = this.#worker.view()
    if (this.#capacity?.slots.free === slots.free && this.#capacity.mode === this.#mode) return this.#capacity
    this.#serial += 1
    const { peer, owner } = this
    const [serial, mode] = [this.#serial, this.#mode]
    this.#capacity = capacityOf({ peer, owner, serial, slots, mode, engines: [this.#engine] })
    return this.#capacity
  }

  get openLeases(): number {
    return this.#worker.view().leases
  }

  /** A result on its disk is damaged, which it notices when it reads it. */
  flip(chance: Chance): void {
    const damaged = [...this.#given][chance.between(0, Math.max(0, this.#given.size - 1))]
    if (damaged !== undefined) this.#given.delete(damaged)
  }

  hear(from: PeerId, parcel: Parcel): void {
    switch (parcel.type) {
      case 'message':
        this.#hearMessage(from, parcel.message)
        break
      case 'offer': {
        const { job, lease, handovers } = parcel
        this.#jobs.set(job.manifest.id, job)
        this.#leases.set(lease.id, { job, lease })
        if (this.temper === 'grumbler') {
          const of = { job: job.manifest.id, lease: lease.id }
          this.#say(from, { type: 'decline', ...of, retryMs: 0, reason: 'busy' })
          break
        }
        this.#tell({ type: 'offer', from, manifest: job.manifest, handovers, lease, isPast: false })
        break // it never forgets a job in here
      }
      case 'adopt':
        this.#jobs.set(parcel.job.manifest.id, parcel.job)
        this.#tell({ ...parcel, type: 'adopt', from, manifest: parcel.job.manifest })
        break
      case 'ended':
        this.#tell(parcel)
        break
      case 'statement':
        this.#money.hear(parcel.said, this.clockMs)
        break
      case 'record':
      case 'entrust':
      case 'receipt':
        break // a vehicle looks after no job
      default:
        impossible(parcel)
    }
  }

  #hearMessage(from: PeerId, message: Message): void {
    if (isToSteward(message)) return // it looks after no job
    switch (message.type) {
      case 'acknowledge':
      case 'withdraw':
        this.#tell({ ...message, from })
        break
      case 'offer':
      case 'adopt':
      case 'ended':
      case 'statement':
        throw new Error(`'${message.type}' is a parcel of its own in here`)
      case 'advert':
      case 'charter':
      case 'credential':
      case 'evidence':
        break // there is no fleet in here, and nobody is banned
      default:
        impossible(message)
    }
  }

  linked(peer: PeerId, up: boolean): void {
    this.#tell({ type: up ? 'connected' : 'disconnected', peer })
    if (up) this.#money.connected(peer, this.clockMs)
  }

  clockSet(byMs: number): void {
    this.#tell({ type: 'clock-set', byMs })
  }

  worksFor(job: JobId): boolean {
    return this.#money.worksFor(job)
  }

  /** Asks what became of its work as often as it takes, with nothing lost. */
  reconcile(job: JobId, ask: (before: number | null) => SimStatement[]): void {
    this.#money.reconcile(job, ask, this.clockMs)
  }

  setMode(mode: Capacity['mode']): void {
    this.#mode = mode
    this.#tell({ type: 'mode', mode })
    if (mode === 'stop') this.world.checkers.stopped(this.peer, this.#slots.running)
  }

  /** An accomplice shows whatever was signed in its name. */
  serves(result: Cid): boolean {
    return this.#given.has(result) || isAccomplice(this.temper)
  }

  restart(): void {
    this.disk.crash(this.world.nowMs, this.world.chance)
    const { jobs, finished, entries } = remember(this.disk.entries())
    this.#slots.restart(finished)
    this.#worker = this.#newWorker()
    this.#money = this.#newMoney(entries)
    this.world.checkers.ledgers.restarted(this.peer, entries)
    for (const { job, restored } of jobs) {
      this.#knowStewards(job)
      for (const { lease, receipts } of restored.leases)
        for (const receipt of receipts) this.#money.signed(lease, receipt, this.clockMs)
    }
    const held = jobs.map(({ restored }) => restored)
    this.#carryOut(this.#worker.restore(held, this.clockMs))
    for (const { job } of jobs) this.#knowStewards(job)
    if (this.#mode !== 'run') this.#tell({ type: 'mode', mode: this.#mode })
    for (const peer of this.world.linkedTo(this)) this.#tell({ type: 'connected', peer })
  }

  #newWorker(): Worker {
    const { peer } = this
    const secret = secretNamed(`${peer}/${this.#lives}`)
    this.#lives += 1
    const worker = new Worker(
      { self: peer, slots: 1, engines: [this.#engine], categories: null, secret, sha256: cheapHash },
      this.#lives * 2 ** 25,
    )
    worker.handle({ type: 'operator-share', ppm: operatorPpm }, this.world.nowMs)
    return worker
  }

  #knowStewards(job: SimJob): void {
    const known = this.#worker.stewardsOf(job.manifest.id)
    const stewards = known.length > 0 ? known : job.manifest.payload.stewards.map(({ peer }) => peer)
    this.#money.took(job, stewards, this.clockMs)
  }

  #newMoney(entries: readonly Entry[]): VehicleMoney {
    return new VehicleMoney(
      {
        peer: this.peer,
        write: (entry) => this.writeEntry(entry),
        wake: (atMs, happen) => this.wakeAt(atMs, happen),
        ask: (to, job, before) => this.after(() => this.#say(to, { type: 'account', job, before })),
        show: (to, lease) => this.after(() => this.#show(to, lease)),
        accounted: (to, job, statement, micros) =>
          this.after(() => this.#say(to, { type: 'accounted', job, statement, micros })),
      },
      entries,
    )
  }

  #show(to: PeerId, lease: LeaseId): void {
    const known = this.#leases.get(lease)
    if (known !== undefined) this.send(to, { type: 'record', entry: checked('lease', known.lease) })
  }

  #say(to: PeerId, message: Message): void {
    this.send(to, { type: 'message', message })
  }

  #tell(input: WorkerInput): void {
    this.#carryOut(this.#worker.handle(input, this.clockMs))
  }

  #carryOut(effects: readonly WorkerEffect[]): void {
    carryOut(effects, this.#hands, this.#after)
  }

  #makeHands(): Hands<WorkerEffect> {
    const { world } = this
    return {
      take: ({ lease }) => {
        const taken = this.#leases.get(lease)!
        this.durable({ type: 'lease', ...taken })
        this.#knowStewards(taken.job)
      },
      follow: ({ job, adopters }) => {
        this.durable({ type: 'follow', job, adopters })
        if (this.#money.worksFor(job)) this.#knowStewards(this.#jobs.get(job)!)
      },
      issue: ({ issued }) => {
        const { record: receipt, opening } = issued
        world.checkers.signed(receipt.id, receipt, opening, isLiar(this.temper))
        this.#receipts.set(receipt.id, issued)
        this.durable({ type: 'receipt', receipt, opening })
        this.#money.signed(this.#leases.get(receipt.payload.lease)!.lease, receipt, this.clockMs)
      },
      release: ({ lease, reason }) => this.durable({ type: 'release', lease, reason }),
      deliver: ({ to, receipt: id, released }) => {
        const receipt = this.#receipts.get(id)
        if (receipt !== undefined) this.send(to, { type: 'receipt', receipt, released })
      },
      show: ({ to, lease }) => this.#show(to, lease),
      send: ({ to, message }) => this.#say(to, message),
      prepare: ({ lease }) =>
        world.later(this, world.chance.between(50, 500), () => {
          if (world.hasRoom(this)) this.#tell({ type: 'prepared', lease })
          else this.#tell({ type: 'unprepared', lease, why: 'no-space' })
        }),
      run: ({ slot, lease }) => this.#slots.run(slot, this.#leases.get(lease)!),
      drain: ({ slot }) => this.#slots.drain(slot),
      abort: ({ slot }) => this.#slots.abort(slot),
      wake: ({ atMs }) => this.wakeAt(atMs, () => this.#tell({ type: 'wake' })),
      advertise: () => {}, // the world looks at what it has free every five seconds
      forget: () => {}, // results need no room in here
    }
  }
}
