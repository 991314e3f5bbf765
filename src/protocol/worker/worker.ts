/**
 * The worker: the vehicle's side of leases.
 *
 * It takes or declines what stewards offer, has the blocks of queued leases fetched while others run, gives
 * each slot one lease at a time, and commits to what is done with signed receipts, which it repeats until the
 * steward acknowledges them. When the vehicle is needed it stands still at once, hands in what is finished and
 * gives back the rest.
 *
 * Slots are shared fairly between submitters, by work and not by leases: the next lease comes from the
 * submitter that was served least (start-time fair queueing, Goyal, Vin and Cheng 1996). A submitter who comes
 * new starts level with the least served who waits, so nobody saves up a claim to the whole vehicle.
 */
import { concat, fromString } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { Cid, JobId, LeaseId, PeerId, RecordId } from '../ids.ts'
import type { Manifest } from '../job.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../lease.ts'
import {
  jobRetentionMs,
  leasesPerSlot,
  progressIntervalMs,
  queuedLeasesPerSlotMax,
  receiptIntervalMs,
  rememberedJobsMax,
  unacknowledgedReceiptsMax,
} from '../limits.ts'
import type { DeclineReason, ReleaseReason } from '../message.ts'
import { encodeBody, type RecordBody, recordId, type Verified } from '../record.ts'
import type { WorkerEffect, WorkerInput, WorkerMode, WorkerView } from './contract.ts'

/** A vehicle that is full asks not to be asked for this long: about one lease (limits.ts). */
const busyRetryMs = 2_000
/** A vehicle that does not work asks for quiet this long; its advert will say when that changes. */
const stoppedRetryMs = 60_000

export interface WorkerOptions {
  readonly self: PeerId
  readonly slots: number
  /** Engine ids that this vehicle runs, by runtime. */
  readonly engines: readonly { readonly runtime: string; readonly id: string; readonly isa: string | null }[]
  /** 32 bytes, secret: nonces are derived from it. */
  readonly secret: Uint8Array
  readonly sha256: Sha256
}

type Delivery = Extract<WorkerEffect, { type: 'deliver' }>

interface Done {
  readonly place: number
  readonly result: Cid
  readonly cpuMs: number
  readonly wallMs: number
}

interface Held {
  readonly lease: Verified<Lease>
  readonly manifest: Verified<Manifest>
  readonly steward: PeerId
  state: 'preparing' | 'ready' | 'running' | 'draining'
  slot: number | undefined
  /** Finished and not yet in a receipt. */
  done: Done[]
  /** By its place in the lease, in a receipt or not. */
  readonly finished: Set<number>
  lastReceiptMs: number
  receipts: number
}

export class Worker {
  readonly #options: WorkerOptions
  /** In the order in which they were accepted. */
  readonly #held = new Map<LeaseId, Held>()
  readonly #slots: (LeaseId | undefined)[]
  readonly #served = new Map<PeerId, number>()
  /** Receipts that their steward has not acknowledged. */
  readonly #unacknowledged = new Map<RecordId, { readonly job: JobId; readonly delivery: Delivery }>()
  /** The stewards of jobs that this vehicle works or worked for, the most recent job last. */
  readonly #stewards = new Map<JobId, ReadonlySet<PeerId>>()
  readonly #totals = { shardsDone: 0, receipts: 0, leasesReleased: 0 }
  #mode: WorkerMode = 'run'
  #serial: number
  #lastProgressMs = 0
  #wakeAtMs = Number.POSITIVE_INFINITY
  #effects: WorkerEffect[] = []

  /** `serial`: one more than that of the last receipt this key ever signed. */
  constructor(options: WorkerOptions, serial: number) {
    this.#options = options
    this.#serial = serial
    this.#slots = new Array(options.slots).fill(undefined)
  }

  handle(input: WorkerInput, nowMs: number): WorkerEffect[] {
    const freeBefore = this.#free()
    const modeBefore = this.#mode
    switch (input.type) {
      case 'offer':
        this.#consider(input, nowMs)
        break
      case 'prepared':
        this.#prepared(input.lease)
        break
      case 'unprepared':
        this.#unprepared(input.lease, input.why)
        break
      case 'shard-done':
        this.#shardDone(input.lease, input, nowMs)
        break
      case 'run-ended':
        this.#runEnded(input.lease, nowMs)
        break
      case 'withdraw':
        this.#withdraw(input.lease, input.from, nowMs)
        break
      case 'acknowledge':
        if (this.#unacknowledged.get(input.receipt)?.delivery.to === input.from)
          this.#unacknowledged.delete(input.receipt)
        break
      case 'ended':
        this.#jobEnded(input.job, input.from)
        break
      case 'mode':
        this.#setMode(input.mode, nowMs)
        break
      case 'connected':
        for (const { delivery } of this.#unacknowledged.values())
          if (delivery.to === input.peer) this.#effects.push(delivery)
        break
      case 'wake':
        this.#wakeAtMs = Number.POSITIVE_INFINITY
        this.#report(nowMs)
        break
    }
    this.#fillSlots()
    if (this.#free() !== freeBefore || this.#mode !== modeBefore) this.#effects.push({ type: 'advertise' })
    this.#askToWake(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  view(): WorkerView {
    return {
      mode: this.#mode,
      slots: { total: this.#slots.length, free: this.#free() },
      leases: this.#held.size,
      ...this.#totals,
    }
  }

  /** A lease under way, for those who carry out its effects. */
  lease(id: LeaseId): { readonly lease: Verified<Lease>; readonly manifest: Verified<Manifest> } | undefined {
    return this.#held.get(id)
  }

  // --- offers -----------------------------------------------------------------------------------------------

  #consider(offer: Extract<WorkerInput, { type: 'offer' }>, nowMs: number): void {
    const { from, lease, manifest } = offer
    if (this.#held.has(lease.id)) {
      this.#send(from, { type: 'accept', lease: lease.id })
      return
    }
    const reason = this.#objection(offer, nowMs)
    if (reason !== undefined) {
      const retryMs = reason === 'busy' ? busyRetryMs : stoppedRetryMs
      this.#send(from, { type: 'decline', lease: lease.id, reason, retryMs })
      return
    }
    this.#startLevel(manifest.signer)
    this.#remember(manifest)
    this.#held.set(lease.id, {
      lease,
      manifest,
      steward: from,
      state: 'preparing',
      slot: undefined,
      done: [],
      finished: new Set(),
      lastReceiptMs: nowMs,
      receipts: 0,
    })
    this.#send(from, { type: 'accept', lease: lease.id })
    this.#effects.push({ type: 'prepare', lease: lease.id })
  }

  #objection(offer: Extract<WorkerInput, { type: 'offer' }>, nowMs: number): DeclineReason | undefined {
    const { from, lease, manifest } = offer
    const { self, engines, slots } = this.#options
    if (this.#mode === 'stop') return 'stopped'
    if (this.#mode === 'drain') return 'draining'
    const stewards = manifest.payload.stewards.map((steward) => steward.peer)
    if (!stewards.includes(from) || lease.signer !== from || lease.steward !== from) return 'not-a-steward'
    if (lease.job !== manifest.id || lease.payload.vehicle !== self) return 'not-a-steward'
    if (lease.payload.positions.length !== lease.payload.shards.length) return 'wrong-blocks'
    if (stewards.includes(self)) return 'own-job'
    if (manifest.payload.deadlineMs <= nowMs || lease.expiresMs <= nowMs) return 'expired'
    const engine = engines.find(
      (e) => e.runtime === manifest.payload.runtime && e.id === manifest.payload.engine.id,
    )
    if (engine === undefined || engine.isa !== lease.payload.isa) return 'no-such-engine'
    const ofSubmitter = [...this.#held.values()].filter((held) => held.manifest.signer === manifest.signer)
    if (this.#held.size >= slots * queuedLeasesPerSlotMax || ofSubmitter.length >= slots * leasesPerSlot)
      return 'busy'
    return undefined
  }

  /** Only a job's stewards can say that it is over. */
  #remember({ id, payload }: Verified<Manifest>): void {
    this.#stewards.delete(id)
    this.#stewards.set(id, new Set(payload.stewards.map((steward) => steward.peer)))
    dropOldest(this.#stewards, rememberedJobsMax)
  }

  // --- slots ------------------------------------------------------------------------------------------------

  #prepared(id: LeaseId): void {
    const held = this.#held.get(id)
    if (held?.state === 'preparing') held.state = 'ready'
  }

  #unprepared(id: LeaseId, why: 'missing-blocks' | 'wrong-blocks'): void {
    const held = this.#held.get(id)
    if (held === undefined || held.state !== 'preparing') return
    this.#send(held.steward, { type: 'decline', lease: id, reason: why, retryMs: busyRetryMs })
    this.#drop(held)
  }

  #fillSlots(): void {
    if (this.#mode !== 'run') return
    for (let slot = 0; slot < this.#slots.length; slot += 1) {
      if (this.#slots[slot] !== undefined) continue
      const next = this.#next()
      if (next === undefined) return
      next.state = 'running'
      next.slot = slot
      this.#slots[slot] = next.lease.id
      const submitter = next.manifest.signer
      this.#served.set(submitter, (this.#served.get(submitter) ?? 0) + next.lease.payload.costMs)
      this.#effects.push({ type: 'run', lease: next.lease.id, slot })
    }
  }

  /** Of the ready leases: the least served submitter's, the oldest of them. */
  #next(): Held | undefined {
    let best: Held | undefined
    for (const held of this.#held.values()) {
      if (held.state !== 'ready') continue
      if (best === undefined || this.#servedTo(held) < this.#servedTo(best)) best = held
    }
    return best
  }

  #servedTo(held: Held): number {
    return this.#served.get(held.manifest.signer) ?? 0
  }

  #startLevel(submitter: PeerId): void {
    const waiting = new Set([...this.#held.values()].map((held) => held.manifest.signer))
    for (const known of this.#served.keys()) if (!waiting.has(known)) this.#served.delete(known)
    if (this.#served.has(submitter)) return
    const others = [...this.#served.values()]
    this.#served.set(submitter, others.length === 0 ? 0 : Math.min(...others))
  }

  #shardDone(id: LeaseId, done: Done, nowMs: number): void {
    const held = this.#held.get(id)
    if (held === undefined || held.slot === undefined) return
    const { place, result, cpuMs, wallMs } = done
    if (held.finished.has(place)) return
    held.finished.add(place)
    held.done.push({ place, result, cpuMs, wallMs })
    this.#totals.shardsDone += 1
    const unfinished = held.finished.size < held.lease.payload.shards.length
    if (unfinished && nowMs - held.lastReceiptMs >= receiptIntervalMs) this.#commit(held, null, nowMs)
  }

  #runEnded(id: LeaseId, nowMs: number): void {
    const held = this.#held.get(id)
    if (held === undefined || held.slot === undefined) return
    const complete = held.finished.size === held.lease.payload.shards.length
    const reason = held.state === 'draining' ? 'draining' : 'failed'
    this.#handIn(held, complete ? null : reason, nowMs)
  }

  // --- endings ----------------------------------------------------------------------------------------------

  #withdraw(id: LeaseId, from: PeerId, nowMs: number): void {
    const held = this.#held.get(id)
    if (held === undefined || held.steward !== from) return
    this.#abort(held)
    this.#handIn(held, 'withdrawn', nowMs)
  }

  #jobEnded(job: JobId, from: PeerId): void {
    if (this.#stewards.get(job)?.has(from) !== true) return
    this.#stewards.delete(job)
    for (const held of [...this.#held.values()]) {
      if (held.manifest.id !== job || held.steward !== from) continue
      this.#abort(held)
      this.#drop(held)
    }
    for (const [receipt, pending] of this.#unacknowledged)
      if (pending.delivery.to === from && pending.job === job) this.#unacknowledged.delete(receipt)
    this.#effects.push({ type: 'forget', job })
  }

  #setMode(mode: WorkerMode, nowMs: number): void {
    this.#mode = mode
    if (mode === 'run') return
    // All processes stand still before the first word is said about it.
    if (mode === 'stop') for (const held of this.#held.values()) this.#abort(held)
    for (const held of [...this.#held.values()]) {
      if (held.slot === undefined || mode === 'stop')
        this.#handIn(held, mode === 'stop' ? 'stopped' : 'draining', nowMs)
      else if (held.state === 'running') {
        held.state = 'draining'
        this.#effects.push({ type: 'drain', slot: held.slot })
      }
    }
  }

  #abort(held: Held): void {
    if (held.slot === undefined) return
    this.#effects.push({ type: 'abort', slot: held.slot })
    this.#slots[held.slot] = undefined
    held.slot = undefined
  }

  /** Commits to what is done, gives back the rest, and is rid of the lease. */
  #handIn(held: Held, released: ReleaseReason | null, nowMs: number): void {
    if (held.done.length > 0) this.#commit(held, released, nowMs)
    else if (released !== null) {
      const reason = released === 'withdrawn' ? 'busy' : released
      const retryMs = released === 'withdrawn' ? 0 : stoppedRetryMs
      this.#send(held.steward, { type: 'decline', lease: held.lease.id, reason, retryMs })
    }
    if (released !== null) this.#totals.leasesReleased += 1
    this.#drop(held)
  }

  #drop(held: Held): void {
    if (held.slot !== undefined) this.#slots[held.slot] = undefined
    this.#held.delete(held.lease.id)
    this.#effects.push({ type: 'release', lease: held.lease.id })
  }

  // --- receipts ---------------------------------------------------------------------------------------------

  #commit(held: Held, released: ReleaseReason | null, nowMs: number): void {
    const { sha256, self, secret } = this.#options
    const { lease } = held
    const done = [...held.done].sort((a, b) => a.place - b.place)
    assert(done.length > 0 && lease.job !== null, 'a receipt covers something of a job')
    const nonce = sha256(concat([secret, fromString(`nonce/${lease.id}/${held.receipts}`)]))
    const opening: Opening = { results: done.map(({ result }) => result), nonce }
    const covers = done.map(({ place }) => place)
    const payload: Receipt = {
      lease: lease.id,
      covers,
      root: receiptRoot(
        sha256,
        { id: lease.id, job: lease.job, worker: self, shards: lease.payload.shards },
        covers,
        opening,
      ),
      cpuMs: Math.round(done.reduce((sum, shard) => sum + shard.cpuMs, 0)),
      wallMs: Math.round(done.reduce((sum, shard) => sum + shard.wallMs, 0)),
    }
    const body: RecordBody<Receipt> = {
      domain: 'carpool',
      version: 1,
      kind: 'receipt',
      job: lease.job,
      epoch: lease.epoch,
      steward: lease.steward,
      serial: this.#serial,
      expiresMs: held.manifest.payload.deadlineMs + jobRetentionMs,
      signer: self,
      payload,
    }
    this.#serial += 1
    const receipt = recordId(sha256, encodeBody(body))
    const delivery = { type: 'deliver', to: held.steward, receipt, opening, released } as const
    this.#unacknowledged.set(receipt, { job: lease.job, delivery })
    dropOldest(this.#unacknowledged, unacknowledgedReceiptsMax)
    this.#effects.push({ type: 'issue', id: receipt, body, opening }, delivery)
    this.#totals.receipts += 1
    held.done = []
    held.receipts += 1
    held.lastReceiptMs = nowMs
  }

  #report(nowMs: number): void {
    for (const held of this.#held.values()) {
      if (held.done.length > 0 && nowMs - held.lastReceiptMs >= receiptIntervalMs)
        this.#commit(held, null, nowMs)
      this.#send(held.steward, { type: 'progress', lease: held.lease.id, done: held.finished.size })
    }
    this.#lastProgressMs = nowMs
  }

  #askToWake(nowMs: number): void {
    if (this.#held.size === 0 || this.#wakeAtMs !== Number.POSITIVE_INFINITY) return
    this.#wakeAtMs = Math.max(nowMs, this.#lastProgressMs) + progressIntervalMs
    this.#effects.push({ type: 'wake', atMs: this.#wakeAtMs })
  }

  #send(to: PeerId, message: Extract<WorkerEffect, { type: 'send' }>['message']): void {
    this.#effects.push({ type: 'send', to, message })
  }

  #free(): number {
    if (this.#mode !== 'run') return 0
    return this.#slots.filter((lease) => lease === undefined).length
  }
}

function dropOldest<Key>(map: Map<Key, unknown>, sizeMax: number): void {
  if (map.size <= sizeMax) return
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
