/**
 * A small random world: one steward and a number of vehicles with the real machines, over a virtual network
 * that delays and loses connections, with crashes, drive-offs, liars, and a steward that restarts from its
 * journal. Virtual time, one queue of events, named streams of chance: the same seed gives the same trace.
 */
import { fromString } from 'uint8arrays'
import { RandomStream } from '../../src/base/prng.ts'
import type { Cid, LeaseId, PeerId, RecordId } from '../../src/protocol/ids.ts'
import type { Lease, Opening, Receipt } from '../../src/protocol/job/lease.ts'
import type { Manifest } from '../../src/protocol/job/manifest.ts'
import type { JobEnd, ShardVerdict } from '../../src/protocol/job/verdict.ts'
import type { Capacity } from '../../src/protocol/membership/advert.ts'
import type { Message } from '../../src/protocol/message.ts'
import type { Verified } from '../../src/protocol/record/record.ts'
import { type Checked, checked, type JobRecord } from '../../src/protocol/records.ts'
import type { StewardEffect, StewardInput } from '../../src/protocol/steward/contract.ts'
import { Steward } from '../../src/protocol/steward/steward.ts'
import type { WorkerEffect, WorkerInput } from '../../src/protocol/worker/contract.ts'
import { Worker } from '../../src/protocol/worker/worker.ts'
import { believed, bodyOf, seed as drawSeed, manifestWith, peerNamed, sha256 } from './core-fakes.ts'
import { capacityOf } from './core-steward-stage.ts'

export interface WorldOptions {
  readonly seed: number
  readonly shards: number
  readonly shardCostMs: number
  /** `v1:o1:slots=2` and what is wrong with it. */
  readonly vehicles: readonly { readonly capacity: string; readonly nature: Nature }[]
  readonly manifest?: Parameters<typeof manifestWith>[0]
  /** How often something happens to each vehicle, on average; Infinity: never. */
  readonly troubleEveryMs: number
  /** How often the steward restarts from its journal; Infinity: never. */
  readonly restartEveryMs: number
  /** Keep a line for everything that happens. */
  readonly trace: boolean
}

/**
 * liar: claims the same wrong result as every other liar. mute: takes leases, and reports progress for ever.
 * absent: takes leases and is never heard of again. miser: signs receipts and never gives out a result.
 * grumbler: declines everything, and asks to be asked again at once.
 */
export type Nature = 'honest' | 'liar' | 'mute' | 'absent' | 'miser' | 'grumbler'

export interface WorldOutcome {
  readonly end: JobEnd | null
  readonly endedMs: number
  readonly verdicts: readonly ShardVerdict[]
  readonly leases: readonly Verified<Lease>[]
  readonly claims: readonly {
    readonly receipt: RecordId
    readonly lease: Verified<Lease>
    readonly position: number
    readonly result: Cid
  }[]
  readonly trace: readonly string[]
  /** Inputs that the steward took. */
  readonly inputs: number
}

const self = peerNamed('steward')
const submitter = peerNamed('submitter')
const job = 'job' as Cid

export function truth(position: number): Cid {
  return `result ${position}` as Cid
}

export function runWorld(options: WorldOptions): WorldOutcome {
  const world = new World(options)
  return world.run()
}

interface Vehicle {
  readonly name: string
  readonly nature: Nature
  capacity: Capacity
  worker: Worker
  /** Rises with each crash: what was scheduled before happens no more. */
  life: number
  /** Rises with each loss of the connection: what was on its way arrives no more. */
  link: number
  connected: boolean
  serial: number
  readonly runs: Map<number, { readonly lease: LeaseId; draining: boolean }>
  readonly receipts: Map<RecordId, { readonly record: Verified<Receipt>; readonly opening: Opening }>
}

interface Event {
  readonly atMs: number
  readonly order: number
  readonly happen: () => void
}

class World {
  readonly #options: WorldOptions
  readonly #manifest: Verified<Manifest>
  readonly #vehicles = new Map<PeerId, Vehicle>()
  readonly #streams = new Map<string, RandomStream>()
  readonly #queue = new EventQueue()
  readonly #journal: JobRecord[] = []
  readonly #leases = new Map<LeaseId, Verified<Lease>>()
  readonly #arrivals = new Map<string, number>()
  readonly #trace: string[] = []
  readonly #verdicts: ShardVerdict[] = []
  #claims: WorldOutcome['claims'][number][] = []
  #steward: Steward
  /** Rises with each restart of the steward. */
  #reign = 0
  #end: JobEnd | null = null
  #nowMs = 0
  #order = 0
  #inputs = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.#manifest = { ...bodyOf('manifest', submitter, manifestWith(options.manifest)), id: job }
    this.#steward = this.#newSteward()
    for (const { capacity: text, nature } of options.vehicles) {
      const capacity = capacityOf(text)
      const vehicle: Vehicle = {
        name: capacity.name,
        nature,
        capacity,
        worker: this.#newWorker(capacity, 0),
        life: 0,
        link: 0,
        connected: true,
        serial: 0,
        runs: new Map(),
        receipts: new Map(),
      }
      this.#vehicles.set(capacity.peer, vehicle)
    }
  }

  run(): WorldOutcome {
    this.#tellRoster()
    for (const vehicle of this.#vehicles.values()) this.#trouble(vehicle)
    this.#restartLater()
    const patienceMs = this.#manifest.payload.deadlineMs + 60_000
    let endedMs = Number.POSITIVE_INFINITY
    for (;;) {
      const event = this.#queue.take()
      if (event === undefined || event.atMs > patienceMs) break
      this.#nowMs = event.atMs
      event.happen()
      if (this.#end !== null) endedMs = Math.min(endedMs, this.#nowMs)
      if (this.#nowMs > endedMs + 30_000) break
    }
    const leases = [...this.#leases.values()]
    const [end, verdicts, claims, trace] = [this.#end, this.#verdicts, this.#claims, this.#trace]
    return { end, endedMs, verdicts, leases, claims, trace, inputs: this.#inputs }
  }

  // --- the steward's shell ----------------------------------------------------------------------------------

  #newSteward(): Steward {
    const { shards: count, shardCostMs: costMs } = this.#options
    const shards = Array.from({ length: count }, (_, i) => ({
      shard: `shard ${i}` as Cid,
      pages: 1,
      bytes: 1024,
      costMs,
    }))
    const { payload: manifest } = this.#manifest
    return new Steward({ job, manifest, shards, self, seed: drawSeed, sha256 })
  }

  #tell(input: StewardInput): void {
    this.#inputs += 1
    this.#note(() => `steward < ${describe(input)}`)
    this.#carryOut(this.#steward.handle(input, this.#nowMs))
  }

  #tellRoster(): void {
    const capacities = [...this.#vehicles.values()].map((vehicle) => vehicle.capacity)
    capacities.sort((a, b) => (a.peer < b.peer ? -1 : 1))
    this.#tell({ type: 'roster', capacities })
  }

  #carryOut(effects: readonly StewardEffect[]): void {
    for (const effect of effects) {
      this.#note(() => `steward > ${describe(effect)}`)
      switch (effect.type) {
        case 'issue':
          this.#keep(effect.issued)
          break
        case 'keep':
          this.#keepReceipt(effect.receipt)
          break
        case 'offer':
          this.#send(effect.to, () => {
            const lease = this.#leases.get(effect.lease)!
            this.#offer(this.#vehicles.get(effect.to)!, lease)
          })
          break
        case 'send':
          this.#send(effect.to, () => this.#fromSteward(this.#vehicles.get(effect.to)!, effect.message))
          break
        case 'collect':
          this.#collect(effect)
          break
        case 'recompute':
          this.#later(500, () =>
            this.#tell({
              type: 'recomputed',
              position: effect.position,
              found: { result: truth(effect.position), text: truth(effect.position) },
            }),
          )
          break
        case 'decided':
          this.#verdicts.push(...effect.verdicts)
          break
        case 'ended':
          this.#end = effect.end
          break
        case 'wake':
          this.#inReign(effect.atMs - this.#nowMs, () => this.#tell({ type: 'wake' }))
          break
        case 'revoke':
          break
      }
    }
  }

  #keep(entry: JobRecord): void {
    this.#journal.push(entry)
    if (entry.kind === 'lease') this.#leases.set(entry.record.id, entry.record)
  }

  #keepReceipt(entry: Checked<'receipt'>): void {
    const { record, opening } = entry
    this.#journal.push(entry)
    const lease = this.#leases.get(record.payload.lease)!
    for (const [i, place] of record.payload.covers.entries()) {
      const position = lease.payload.positions[place]!
      this.#claims.push({ receipt: record.id, lease, position, result: opening.results[i]! })
    }
  }

  #collect(effect: Extract<StewardEffect, { type: 'collect' }>): void {
    this.#inReign(this.#between('delay', 1, 40), () => {
      const results = effect.wanted.map((want) => {
        const vehicle = this.#vehicles.get(want.from)!
        const there = vehicle.connected && vehicle.nature !== 'miser'
        const finding = there
          ? ({ state: 'good', text: want.result, exhausted: false } as const)
          : ({ state: 'missing' } as const)
        return { ...want, finding }
      })
      this.#tell({ type: 'examined', results })
    })
  }

  #restartLater(): void {
    if (this.#options.restartEveryMs === Number.POSITIVE_INFINITY) return
    this.#later(this.#between('restart', 1, 2 * this.#options.restartEveryMs), () => {
      if (this.#end !== null) return
      this.#note(() => 'steward restarts')
      this.#reign += 1
      this.#steward = this.#newSteward()
      for (const vehicle of this.#vehicles.values()) this.#cut(vehicle)
      this.#carryOut(this.#steward.restore(this.#journal, this.#nowMs))
      this.#tellRoster()
      this.#restartLater()
    })
  }

  // --- the vehicles' shells ---------------------------------------------------------------------------------

  #newWorker(capacity: Capacity, serial: number): Worker {
    const { peer, slots, engines } = capacity
    return new Worker(
      { self: peer, slots: slots.total, engines, categories: null, secret: sha256(fromString(peer)), sha256 },
      serial,
    )
  }

  #fromSteward(vehicle: Vehicle, message: Message): void {
    if (message.type === 'ended') this.#work(vehicle, { type: 'ended', job: message.job, from: self })
    else if (message.type === 'withdraw')
      this.#work(vehicle, { type: 'withdraw', lease: message.lease, from: self })
    else if (message.type === 'acknowledge')
      this.#work(vehicle, { type: 'acknowledge', receipt: message.receipt, from: self })
  }

  #offer(vehicle: Vehicle, lease: Verified<Lease>): void {
    const { nature } = vehicle
    const toSteward = (input: StewardInput) => this.#send(vehicle.capacity.peer, () => this.#tell(input))
    const from = vehicle.capacity.peer
    if (nature === 'grumbler')
      toSteward({ type: 'declined', lease: lease.id, from, reason: 'busy', retryMs: 0 })
    else if (nature === 'absent') toSteward({ type: 'accepted', lease: lease.id, from })
    else if (nature === 'mute') {
      const mumble = () => {
        toSteward({ type: 'progress', lease: lease.id, from, done: 0 })
        if (this.#end === null) this.#later(5_000, mumble)
      }
      mumble()
    } else this.#work(vehicle, { type: 'offer', from: self, manifest: this.#manifest, handovers: [], lease })
  }

  #work(vehicle: Vehicle, input: WorkerInput): void {
    this.#note(() => `${vehicle.name} < ${describe(input)}`)
    for (const effect of vehicle.worker.handle(input, this.#nowMs)) {
      this.#note(() => `${vehicle.name} > ${describe(effect)}`)
      this.#carryOutAt(vehicle, effect)
    }
  }

  #carryOutAt(vehicle: Vehicle, effect: WorkerEffect): void {
    const from = vehicle.capacity.peer
    switch (effect.type) {
      case 'issue':
        vehicle.serial = effect.body.serial + 1
        vehicle.receipts.set(effect.id, {
          record: { ...effect.body, id: effect.id } as Verified<Receipt>,
          opening: effect.opening,
        })
        break
      case 'deliver': {
        const { record, opening } = vehicle.receipts.get(effect.receipt)!
        const receipt = believed(checked('receipt', record, opening))
        const { released } = effect
        this.#send(from, () => this.#tell({ type: 'receipt', receipt, released }))
        break
      }
      case 'send':
        this.#send(from, () => this.#toSteward(from, effect.message))
        break
      case 'prepare':
        this.#inLife(vehicle, this.#between('delay', 1, 200), () =>
          this.#work(vehicle, { type: 'prepared', lease: effect.lease }),
        )
        break
      case 'run':
        vehicle.runs.set(effect.slot, { lease: effect.lease, draining: false })
        this.#runShard(vehicle, effect.slot, effect.lease, 0)
        break
      case 'drain':
        vehicle.runs.get(effect.slot)!.draining = true
        break
      case 'abort':
        vehicle.runs.delete(effect.slot)
        break
    }
  }

  #toSteward(from: PeerId, message: Message): void {
    if (message.type === 'accept') this.#tell({ type: 'accepted', lease: message.lease, from })
    else if (message.type === 'decline') this.#tell({ ...message, type: 'declined', from })
    else if (message.type === 'progress') this.#tell({ ...message, from })
  }

  #runShard(vehicle: Vehicle, slot: number, id: LeaseId, place: number): void {
    const lease = this.#leases.get(id)!
    const costMs = this.#between('speed', 1, 2 * this.#options.shardCostMs)
    this.#inLife(vehicle, costMs, () => {
      const run = vehicle.runs.get(slot)
      if (run?.lease !== id) return
      const position = lease.payload.positions[place]!
      const result = vehicle.nature === 'liar' ? (`lie ${position}` as Cid) : truth(position)
      this.#work(vehicle, { type: 'shard-done', lease: id, place, result, cpuMs: costMs, wallMs: costMs })
      if (place + 1 < lease.payload.positions.length && !run.draining)
        this.#runShard(vehicle, slot, id, place + 1)
      else {
        vehicle.runs.delete(slot)
        this.#work(vehicle, { type: 'run-ended', lease: id })
      }
    })
  }

  // --- trouble ----------------------------------------------------------------------------------------------

  #trouble(vehicle: Vehicle): void {
    const { troubleEveryMs } = this.#options
    if (troubleEveryMs === Number.POSITIVE_INFINITY) return
    this.#later(this.#between('trouble', 1, 2 * troubleEveryMs), () => {
      if (this.#end !== null) return
      const kind = this.#between('trouble', 0, 3)
      if (kind === 0) this.#cut(vehicle)
      else if (kind === 1) this.#crash(vehicle)
      else this.#driveOff(vehicle, kind === 2 ? 'stop' : 'drain')
      this.#trouble(vehicle)
    })
  }

  /** The connection breaks, and comes back after a while. */
  #cut(vehicle: Vehicle): void {
    if (!vehicle.connected) return
    this.#note(() => `${vehicle.name} is cut off`)
    vehicle.connected = false
    vehicle.link += 1
    const { peer } = vehicle.capacity
    this.#inReign(this.#between('delay', 1, 40), () => this.#tell({ type: 'disconnected', peer }))
    this.#later(this.#between('outage', 100, 10_000), () => {
      this.#note(() => `${vehicle.name} is back`)
      vehicle.connected = true
      this.#tell({ type: 'connected', peer })
      this.#work(vehicle, { type: 'connected', peer: self })
    })
  }

  #crash(vehicle: Vehicle): void {
    this.#note(() => `${vehicle.name} crashes`)
    vehicle.life += 1
    vehicle.runs.clear()
    vehicle.worker = this.#newWorker(vehicle.capacity, vehicle.serial)
    this.#cut(vehicle)
  }

  #driveOff(vehicle: Vehicle, mode: 'stop' | 'drain'): void {
    if (vehicle.capacity.mode !== 'run') return
    this.#note(() => `${vehicle.name} drives off: ${mode}`)
    this.#setMode(vehicle, mode)
    this.#later(this.#between('outage', 1_000, 30_000), () => this.#setMode(vehicle, 'run'))
  }

  #setMode(vehicle: Vehicle, mode: Capacity['mode']): void {
    vehicle.capacity = { ...vehicle.capacity, mode }
    this.#work(vehicle, { type: 'mode', mode })
    this.#later(this.#between('delay', 1, 500), () => this.#tellRoster())
  }

  // --- time, chance and the network -------------------------------------------------------------------------

  /** Between the steward and this vehicle: in order, or not at all when the connection breaks meanwhile. */
  #send(vehicle: PeerId, arrive: () => void): void {
    const there = this.#vehicles.get(vehicle)!
    const { link } = there
    if (!there.connected) return
    const atMs = Math.max(this.#nowMs + this.#between('delay', 1, 40), this.#arrivals.get(vehicle) ?? 0)
    this.#arrivals.set(vehicle, atMs)
    this.#later(atMs - this.#nowMs, () => {
      if (there.link === link) arrive()
    })
  }

  #inReign(delayMs: number, happen: () => void): void {
    const reign = this.#reign
    this.#later(delayMs, () => {
      if (this.#reign === reign) happen()
    })
  }

  #inLife(vehicle: Vehicle, delayMs: number, happen: () => void): void {
    const { life } = vehicle
    this.#later(delayMs, () => {
      if (vehicle.life === life) happen()
    })
  }

  #later(delayMs: number, happen: () => void): void {
    this.#order += 1
    this.#queue.add({ atMs: this.#nowMs + delayMs, order: this.#order, happen })
  }

  #between(stream: string, least: number, most: number): number {
    let chance = this.#streams.get(stream)
    if (chance === undefined) {
      chance = new RandomStream(sha256, fromString(`world ${this.#options.seed}`), stream)
      this.#streams.set(stream, chance)
    }
    return least + chance.below(most - least + 1)
  }

  #note(line: () => string): void {
    if (this.#options.trace) this.#trace.push(`${this.#nowMs} ${line()}`)
  }
}

function describe(thing: object): string {
  return JSON.stringify(thing, (_, value) => (value instanceof Uint8Array ? `${value.length} bytes` : value))
}

/** A binary heap: the earliest first, and of those the first that was added. */
class EventQueue {
  readonly #events: Event[] = []

  add(event: Event): void {
    const events = this.#events
    events.push(event)
    for (let i = events.length - 1; i > 0; ) {
      const above = (i - 1) >> 1
      if (!before(events[i]!, events[above]!)) break
      ;[events[i], events[above]] = [events[above]!, events[i]!]
      i = above
    }
  }

  take(): Event | undefined {
    const events = this.#events
    const first = events[0]
    const last = events.pop()
    if (first === undefined || last === undefined || events.length === 0) return first
    events[0] = last
    for (let i = 0; ; ) {
      let least = i
      for (const below of [2 * i + 1, 2 * i + 2])
        if (below < events.length && before(events[below]!, events[least]!)) least = below
      if (least === i) return first
      ;[events[i], events[least]] = [events[least]!, events[i]!]
      i = least
    }
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
