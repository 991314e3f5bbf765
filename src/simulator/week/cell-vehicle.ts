/** One vehicle of a cell: its life, its owner's rules, and its worker, of which it is the driver. */
import { carryOut, type Hands } from '../../protocol/driver.ts'
import type { JobId, LeaseId, OwnerId, PeerId, RecordId } from '../../protocol/ids.ts'
import { leaseInput } from '../../protocol/inbox.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { Checked } from '../../protocol/records.ts'
import type { RuleVerdict } from '../../protocol/rules/judgement.ts'
import type { WorkerEffect, WorkerInput } from '../../protocol/worker/contract.ts'
import { Worker } from '../../protocol/worker/worker.ts'
import { cheapHash } from '../chance.ts'
import { capacityOf, ownerNamed, peerNamed, secretNamed } from '../fixtures.ts'
import type { SimJob } from '../sim-job.ts'
import { Slots, type TakenLease } from '../slots.ts'
import { believed } from '../unsigned.ts'
import { type Biography, biographyOf } from './biography.ts'
import {
  type CellWorld,
  pagesPerShard,
  shardMs,
  type VehicleEar,
  type VehicleWeek,
  workKw,
} from './cell-world.ts'
import { type Presences, reasonOf } from './presence.ts'
import type { Kind } from './trips.ts'
import { VehicleTally } from './vehicle-tally.ts'
import { tickMs } from './watchful.ts'

const workerSlackMs = 20_000
/** The reasons that end by themselves, and at a known minute. */
const mild: ReadonlySet<string> = new Set(['settling', 'paused', 'quiet-hours', 'ready-by'])
const idleTickMs = 60_000
const engine = { runtime: 'ocr', engine: 'exact', id: 'engine', isa: null, unitsPerHour: 1_800 }

export class CellVehicle implements VehicleEar {
  readonly peer: PeerId
  readonly watchful: Biography['watchful']
  readonly #cell: CellWorld
  readonly #kind: Kind
  readonly #owner: OwnerId
  readonly #power: Biography['power']
  #engine: typeof engine & ReturnType<Biography['power']['offer']>
  readonly #life: Biography['life']
  readonly #rules: Biography['rules']
  readonly #worker: Worker
  readonly #pauses: Biography['pauses']
  readonly #leases = new Map<LeaseId, TakenLease>()
  readonly #receipts = new Map<RecordId, Checked<'receipt'>>()
  readonly #slots: Slots
  readonly #hands: Hands<WorkerEffect>
  readonly #after: (say: () => void) => void
  readonly #tally = new VehicleTally()
  #verdict: RuleVerdict = 'stop'
  #reason: Presences = 'held back'
  #untilMs: number | null = null
  #serial = 0
  #capacity: Capacity | undefined
  #tickAtMs = 0
  #seenMs = 0

  constructor(
    cell: CellWorld,
    index: number,
    kind: Kind,
    seed: number,
    days: number,
    market?: Parameters<typeof biographyOf>[4],
  ) {
    const { life, rules, watchful, pauses, power } = biographyOf(index, kind, seed, days, market)
    this.#cell = cell
    this.#kind = kind
    this.peer = peerNamed(`car-${index}`)
    this.#owner = ownerNamed(`car-${index}`)
    this.#power = power
    this.#engine = { ...engine, ...power.offer(cell.clockMs) }
    this.#pauses = pauses
    this.#life = life
    this.#rules = rules
    this.watchful = watchful
    const secret = secretNamed(`${seed}/${index}`)
    this.#worker = new Worker(
      { self: this.peer, slots: 1, engines: [this.#engine], categories: null, secret, sha256: cheapHash },
      1,
    )
    this.#after = (say) => cell.say(say)
    this.#slots = this.#makeSlots()
    this.#hands = this.#makeHands()
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
    const totals = this.#tally.totals()
    return { kind: this.#kind, ...totals, ...this.#power.week(totals.computedMs) }
  }

  capacity(): Capacity {
    const { slots } = this.#worker.view()
    this.#ask()
    const known = this.#capacity
    if (
      known?.slots.free === slots.free &&
      known.mode === this.#verdict &&
      known.availableUntilMs === this.#untilMs &&
      known.engines[0] === this.#engine
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

  #ask(): void {
    const offer = this.#power.newOffer(this.#cell.clockMs)
    if (offer === null) return
    this.#engine = { ...engine, ...offer }
    this.tell({ type: 'asks', asks: new Map([[engine.id, offer.ask]]) })
  }

  offered(job: SimJob, lease: TakenLease['lease']): void {
    this.#leases.set(lease.id, { job, lease })
    const { manifest } = job
    this.tell({ type: 'offer', from: lease.signer, manifest, handovers: [], lease, isPast: false })
  }

  ended(job: JobId, end: Extract<WorkerInput, { type: 'ended' }>['end']): void {
    this.tell({ type: 'ended', end, cancellation: null })
    for (const [id, { lease }] of this.#leases) if (lease.job === job) this.#leases.delete(id)
    for (const [id, { record }] of this.#receipts) if (record.job === job) this.#receipts.delete(id)
  }

  claimed(lease: LeaseId, place: number, outcome: 'paid' | 'void' | 'reopened', micros: number): void {
    this.#tally.decided(`${lease}/${place}`, outcome === 'paid' ? micros : null)
  }

  tell(input: WorkerInput): void {
    carryOut(this.#worker.handle(input, this.#cell.clockMs), this.#hands, this.#after)
  }

  /** Lets time pass for it, and does what its owner's rules say of that. */
  #tick(): void {
    const cell = this.#cell
    const { nowMs, clockMs } = cell
    this.#account()
    this.#life.advance(nowMs, this.#isWorking ? workKw : 0)
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
    this.watchful.check(nowMs, this.#isWorking, verdict === 'run')
    // A vehicle that stands still for more reasons than settling is looked at once a minute: it cannot begin in
    // between.
    const isHopeful = verdict === 'run' || judgement.reasons.every((reason) => mild.has(reason))
    const everyMs = isHopeful || this.#isWorking ? tickMs : idleTickMs
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
    this.#tally.passed(forMs, { isParked: !isDriving, isAllowed: this.#verdict === 'run' })
    const what = isDriving
      ? 'driving'
      : this.#isWorking
        ? 'working'
        : this.#verdict === 'run'
          ? 'waiting'
          : this.#reason
    presence.add(this.#seenMs, nowMs, what)
    if (this.#isWorking) this.#power.worked(this.#cell.clockMs - forMs, this.#cell.clockMs)
    this.#seenMs = nowMs
  }

  get #isWorking(): boolean {
    return this.#slots.running > 0
  }

  #makeSlots(): Slots {
    const cell = this.#cell
    return new Slots({
      begin: () => {
        this.#tally.began(cell.nowMs)
        this.watchful.begins(cell.nowMs)
        return cell.chance.between(0.7 * shardMs, 1.4 * shardMs)
      },
      later: (delayMs, happen) => cell.timeline.at(cell.nowMs + delayMs, happen),
      answer: (job, position) => job.truth(position),
      done: (lease, done) => {
        this.#account()
        this.#power.did(pagesPerShard)
        this.#tally.did(`${lease}/${done.place}`, done.wallMs)
        cell.say(() => this.tell({ type: 'shard-done', lease, ...done }))
      },
      ended: (lease) => cell.say(() => this.tell({ type: 'run-ended', lease })),
    })
  }

  #makeHands(): Hands<WorkerEffect> {
    const cell = this.#cell
    return {
      issue: ({ issued }) => {
        this.#receipts.set(issued.record.id, issued)
      },
      deliver: ({ receipt: id, released }) => {
        const known = this.#receipts.get(id)
        if (known === undefined) return
        cell.job(known.record.job!)?.tell({ type: 'receipt', receipt: believed(known), released })
      },
      send: ({ message }) => {
        if (message.type === 'accept' || message.type === 'decline' || message.type === 'progress')
          cell.job(message.job)?.tell(leaseInput(this.peer, message))
      },
      prepare: ({ lease }) =>
        cell.timeline.at(cell.nowMs + cell.chance.between(1_000, 10_000), () =>
          cell.say(() => this.tell({ type: 'prepared', lease })),
        ),
      run: ({ lease, slot }) => {
        this.#account()
        const taken = this.#leases.get(lease)
        if (taken !== undefined) this.#slots.run(slot, taken)
      },
      drain: ({ slot }) => this.#slots.drain(slot),
      abort: ({ slot }) => {
        this.#account()
        if (this.#isWorking) this.#tally.brokeOff(cell.nowMs)
        this.#slots.abort(slot)
      },
      release: ({ lease }) => this.#slots.forget(lease),
      wake: ({ atMs }) => cell.wakeAt(atMs, workerSlackMs, () => this.tell({ type: 'wake' })),
      take: () => {}, // a cell has no crashes
      follow: () => {}, // nor standbys
      show: () => {},
      forget: () => {}, // nor disks that fill up
      advertise: () => {}, // it looks at what its vehicles have free every 30 s
    }
  }
}
