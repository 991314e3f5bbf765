/**
 * The worker: the vehicle's side of leases.
 *
 * It takes or declines what stewards offer, has the blocks of queued leases fetched while others run, gives
 * each slot one lease at a time, and commits to what is done with signed receipts, which it repeats until the
 * steward acknowledges them. When the vehicle is needed it stands still at once, hands in what is finished and
 * gives back the rest.
 *
 * A lease is run at most once: who offers one that is over gets its receipts again. Otherwise two runs could end
 * differently, and the vehicle would have signed two results for one shard, which is what liars do. A lease survives
 * a restart with all that is finished of it, and goes on when its steward is there. Stewards change: who adopts a job
 * is told of its leases and shown its receipts, and is from then on the one to whom they are due.
 *
 * Slots are shared fairly between submitters, by work and not by leases: the next lease comes from the
 * submitter that was served least (start-time fair queueing, Goyal, Vin and Cheng 1996). A submitter who comes
 * new starts level with the least served who waits, so nobody saves up a claim to the whole vehicle.
 */
import { concat, fromString } from 'uint8arrays'
import { assert } from '../../base/assert.ts'
import type { Sha256 } from '../../base/prng.ts'
import type { JobId, LeaseId, PeerId } from '../ids.ts'
import type { Succession } from '../job/handover.ts'
import { type Lease, type Opening, type Receipt, receiptRoot } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import { Slowness } from '../job/slowness.ts'
import {
  jobRetentionMs,
  leasesPerSlot,
  progressIntervalMs,
  queuedLeasesPerSlotMax,
  receiptIntervalMs,
  shownReceiptsMax,
} from '../limits.ts'
import type { DeclineReason, ReleaseReason } from '../message.ts'
import { type Ask, worksForNothing } from '../price.ts'
import { encodeBody, type RecordBody, recordId, type Verified } from '../record/record.ts'
import type {
  Done,
  EnergyRate,
  RestoredJob,
  RestoredLease,
  UnpreparedReason,
  WorkerEffect,
  WorkerInput,
  WorkerMode,
  WorkerView,
} from './contract.ts'
import { isSteward, KnownJobs } from './known-jobs.ts'
import { type SignedReceipt, SignedReceipts } from './signed-receipts.ts'

/** A vehicle that is full asks not to be asked for this long: about one lease (limits.ts). */
const busyRetryMs = 2_000
/** A vehicle that does not work asks for quiet this long; its advert will say when that changes. */
const stoppedRetryMs = 60_000

export interface WorkerOptions {
  readonly self: PeerId
  readonly slots: number
  /** Engine ids that this vehicle runs, by runtime. */
  readonly engines: readonly {
    readonly runtime: string
    readonly id: string
    readonly isa: string | null
    /** What a unit of its work costs; null: nothing. */
    readonly ask: Ask | null
  }[]
  /** Of jobs that its owner lets in; null: all. */
  readonly categories: readonly string[] | null
  /** 32 bytes, secret: nonces are derived from it. */
  readonly secret: Uint8Array
  readonly sha256: Sha256
}

interface Held {
  readonly lease: Verified<Lease>
  readonly manifest: Verified<Manifest>
  /** Who looks after it; at first the one who offered it. */
  steward: PeerId
  /** One that a restart brought back is `restored` until its steward is there to give out what may be missing. */
  state: 'restored' | 'preparing' | 'ready' | 'running' | 'draining'
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
  readonly #receipts = new SignedReceipts()
  readonly #jobs = new KnownJobs()
  readonly #totals = { shardsDone: 0, receipts: 0, leasesReleased: 0 }
  #mode: WorkerMode = 'run'
  #hasRoom = true
  /** The operator's share that its fleet's charter names: nobody may take more of what it earns. */
  #operatorPpm = 0
  #availableUntilMs: number | null = null
  readonly #slowness = new Slowness()
  #energyRate: EnergyRate | null = null
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

  /** Takes up what an earlier run left behind. Call before the first input. */
  restore(jobs: Iterable<RestoredJob>, nowMs: number): WorkerEffect[] {
    for (const { manifest, handovers, steward, leases } of jobs) {
      this.#jobs.remember(manifest, handovers)
      this.#restoreReceipts(manifest.id, steward, leases)
      for (const restored of leases) this.#restoreLease(manifest, steward, restored, nowMs)
    }
    return this.#takeEffects(nowMs)
  }

  handle(input: WorkerInput, nowMs: number): WorkerEffect[] {
    const freeBefore = this.#free()
    const modeBefore = this.#offeredMode()
    switch (input.type) {
      case 'offer':
        this.#consider(input, nowMs)
        break
      case 'adopt':
        this.#adopted(input)
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
        this.#receipts.acknowledged(input.receipt, input.from)
        break
      case 'ended':
        this.#jobEnded(input.job, input.from)
        break
      case 'mode':
        this.#setMode(input.mode, nowMs)
        break
      case 'operator-share':
        this.#operatorPpm = input.ppm
        break
      case 'room':
        this.#hasRoom = input.enough
        break
      case 'available':
        this.#availableUntilMs = input.untilMs
        break
      case 'energy':
        this.#energyRate = input.rate
        break
      case 'connected':
        this.#connected(input.peer)
        break
      case 'wake':
        this.#wakeAtMs = Number.POSITIVE_INFINITY
        this.#report(nowMs)
        break
    }
    this.#fillSlots()
    if (this.#free() !== freeBefore || this.#offeredMode() !== modeBefore)
      this.#effects.push({ type: 'advertise' })
    return this.#takeEffects(nowMs)
  }

  view(): WorkerView {
    return {
      mode: this.#offeredMode(),
      slots: { total: this.#slots.length, free: this.#free() },
      leases: this.#held.size,
      ...this.#totals,
    }
  }

  /** A full disk takes no new lease, and finishes what it has: others need not ask. */
  #offeredMode(): WorkerMode {
    return this.#mode === 'run' && !this.#hasRoom ? 'drain' : this.#mode
  }

  /** A lease under way, for those who carry out its effects. */
  lease(id: LeaseId):
    | {
        readonly lease: Verified<Lease>
        readonly manifest: Verified<Manifest>
        /** The one who looks after the lease first. */
        readonly stewards: readonly PeerId[]
        readonly finished: ReadonlySet<number>
      }
    | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    const { lease, manifest, steward, finished } = held
    return {
      lease,
      manifest,
      finished,
      stewards: [...new Set([steward, ...this.#jobs.stewardsOf(manifest.id)])],
    }
  }

  /** Whether leases of the job are under way. */
  works(job: JobId): boolean {
    return [...this.#held.values()].some(({ manifest }) => manifest.id === job)
  }

  /** Who may read a job's results: everybody who is or was a steward of it, as far as is known here. */
  stewardsOf(job: JobId): readonly PeerId[] {
    return this.#jobs.stewardsOf(job)
  }

  // --- after a restart --------------------------------------------------------------------------------------

  /** Who acknowledged what is not written down: that would cost a commit each, and telling a steward twice costs little. */
  #restoreReceipts(job: JobId, steward: PeerId | null, leases: readonly RestoredLease[]): void {
    const receipts = leases.flatMap(({ lease, receipts, released = null }) =>
      receipts.map((receipt, i) => ({
        receipt,
        to: steward ?? lease.signer,
        released: i === receipts.length - 1 ? released : null,
      })),
    )
    receipts.sort((a, b) => a.receipt.serial - b.receipt.serial)
    for (const { receipt, to, released } of receipts.slice(-shownReceiptsMax))
      this.#receipts.add({ id: receipt.id, job, lease: receipt.payload.lease, to, released })
  }

  #restoreLease(
    manifest: Verified<Manifest>,
    steward: PeerId | null,
    { lease, receipts, done, released }: RestoredLease,
    nowMs: number,
  ): void {
    const covered = new Set(receipts.flatMap(({ payload }) => payload.covers))
    const uncovered = done.filter(({ place }) => !covered.has(place))
    const isOver = released !== undefined || covered.size === lease.payload.shards.length
    if ((isOver && uncovered.length === 0) || manifest.payload.deadlineMs <= nowMs) {
      this.#jobs.close(lease)
      return
    }
    this.#startLevel(manifest.signer)
    const held: Held = {
      lease,
      manifest,
      steward: steward ?? lease.signer,
      state: 'restored',
      slot: undefined,
      done: uncovered,
      finished: new Set([...covered, ...done.map(({ place }) => place)]),
      lastReceiptMs: nowMs,
      receipts: receipts.length,
    }
    this.#held.set(lease.id, held)
    const isComplete = held.finished.size === lease.payload.shards.length
    if (isOver || isComplete) this.#handIn(held, released ?? null, nowMs)
    // At once: a steward that gave the lease up meanwhile is about to lease its shards again.
    else if (uncovered.length > 0) this.#commit(held, null, nowMs)
  }

  #connected(peer: PeerId): void {
    for (const held of this.#held.values())
      if (held.steward === peer && held.state === 'restored') this.#goOn(held)
    for (const receipt of this.#receipts.dueTo(peer)) this.#deliver(receipt)
  }

  /** Its steward is there: a lease that waited for it may need blocks from it. */
  #goOn(held: Held): void {
    this.#send(held.steward, { type: 'accept', job: held.manifest.id, lease: held.lease.id })
    if (held.state !== 'restored') return
    held.state = 'preparing'
    this.#effects.push({ type: 'prepare', lease: held.lease.id })
  }

  // --- stewards ---------------------------------------------------------------------------------------------

  #adopted({ from, manifest, handovers }: Extract<WorkerInput, { type: 'adopt' }>): void {
    const job = manifest.id
    if (!this.#jobs.isUnderWay(job) || !isSteward(from, this.#jobs.successionOf(manifest, handovers))) return
    this.#jobs.remember(manifest, handovers)
    this.#effects.push({ type: 'follow', job, steward: from })
    const held = [...this.#held.values()].filter((one) => one.manifest.id === job)
    const receipts = this.#receipts.ofJobNowDueTo(job, from)
    for (const lease of new Set([...held.map((one) => one.lease.id), ...receipts.map(({ lease }) => lease)]))
      this.#effects.push({ type: 'show', to: from, lease })
    for (const one of held) {
      one.steward = from
      this.#goOn(one)
    }
    for (const receipt of receipts) this.#deliver(receipt)
  }

  // --- offers -----------------------------------------------------------------------------------------------

  #consider(offer: Extract<WorkerInput, { type: 'offer' }>, nowMs: number): void {
    const { from, lease, manifest, handovers } = offer
    const succession = this.#jobs.successionOf(manifest, handovers)
    const held = this.#held.get(lease.id)
    if (held !== undefined && isSteward(from, succession)) {
      held.steward = from
      this.#goOn(held)
      return
    }
    if (this.#jobs.isOver(lease) && isSteward(from, succession)) {
      for (const receipt of this.#receipts.ofLeaseNowDueTo(lease.id, from)) this.#deliver(receipt)
      this.#send(from, { type: 'decline', job: manifest.id, lease: lease.id, reason: 'expired', retryMs: 0 })
      return
    }
    const reason = this.#objection(offer, succession, nowMs)
    if (reason !== undefined) {
      const retryMs = reason === 'busy' ? busyRetryMs : stoppedRetryMs
      this.#send(from, { type: 'decline', job: manifest.id, lease: lease.id, reason, retryMs })
      return
    }
    this.#startLevel(manifest.signer)
    this.#jobs.remember(manifest, handovers)
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
    this.#effects.push({ type: 'take', lease: lease.id })
    this.#send(from, { type: 'accept', job: manifest.id, lease: lease.id })
    this.#effects.push({ type: 'prepare', lease: lease.id })
  }

  #objection(
    offer: Extract<WorkerInput, { type: 'offer' }>,
    succession: Succession,
    nowMs: number,
  ): DeclineReason | undefined {
    const { from, lease, manifest } = offer
    const { self, engines, slots, categories } = this.#options
    if (this.#mode === 'stop') return 'stopped'
    if (this.#mode === 'drain') return 'draining'
    if (!this.#hasRoom) return 'no-space'
    if (!isSteward(from, succession) || !isSteward(lease.signer, succession)) return 'not-a-steward'
    if (lease.steward !== lease.signer) return 'not-a-steward'
    if (lease.job !== manifest.id || lease.payload.vehicle !== self) return 'not-a-steward'
    const { positions, shards, units } = lease.payload
    if (positions.length !== shards.length || units.length !== shards.length) return 'wrong-blocks'
    if (isSteward(self, succession)) return 'own-job'
    if (manifest.payload.deadlineMs <= nowMs || lease.expiresMs <= nowMs) return 'expired'
    const engine = engines.find(
      (e) => e.runtime === manifest.payload.runtime && e.id === manifest.payload.engine.id,
    )
    if (engine === undefined || engine.isa !== lease.payload.isa) return 'no-such-engine'
    if (categories?.includes(manifest.payload.category) === false) return 'category'
    if (!this.#isWorthIt(manifest.payload, lease.payload, engine.ask)) return 'price'
    const ofSubmitter = [...this.#held.values()].filter((held) => held.manifest.signer === manifest.signer)
    if (this.#held.size >= slots * queuedLeasesPerSlotMax || ofSubmitter.length >= slots * leasesPerSlot)
      return 'busy'
    if (!this.#fitsInTime(lease.payload.costMs, nowMs)) return 'leaving'
    return undefined
  }

  /** Would it be done, with all that waits already, while the vehicle is probably there? */
  #fitsInTime(costMs: number, nowMs: number): boolean {
    if (this.#availableUntilMs === null) return true
    let queuedMs = costMs
    for (const { lease, finished } of this.#held.values())
      queuedMs += lease.payload.costMs * (1 - finished.size / lease.payload.shards.length)
    const expectedMs = Math.max(costMs, queuedMs / this.#slots.length) * this.#slowness.value
    return nowMs + expectedMs <= this.#availableUntilMs
  }

  /** What the lease promises is what the owner asks or more, and backed by the job's manifest. */
  #isWorthIt({ payment }: Manifest, { price }: Lease, ask: Ask | null): boolean {
    if (price === null) return worksForNothing(ask)
    const isBacked =
      payment !== null &&
      price.currency === payment.currency &&
      price.unitMicros <= payment.unitMicrosMax &&
      price.operatorPpm <= this.#operatorPpm
    if (!isBacked || worksForNothing(ask)) return isBacked
    return price.currency === ask!.currency && price.unitMicros >= ask!.unitMicros
  }

  // --- slots ------------------------------------------------------------------------------------------------

  #prepared(id: LeaseId): void {
    const held = this.#held.get(id)
    if (held?.state === 'preparing') held.state = 'ready'
  }

  #unprepared(id: LeaseId, why: UnpreparedReason): void {
    const held = this.#held.get(id)
    if (held === undefined || held.state !== 'preparing') return
    this.#send(held.steward, {
      type: 'decline',
      job: held.manifest.id,
      lease: id,
      reason: why,
      retryMs: busyRetryMs,
    })
    this.#drop(held, 'failed')
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
    this.#slowness.measure(wallMs, held.lease.payload.costMs / held.lease.payload.shards.length)
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

  /** Only a job's stewards can say that it is over. What is over stays so: its leases are not run again. */
  #jobEnded(job: JobId, from: PeerId): void {
    if (!this.#jobs.isUnderWay(job) || !this.#jobs.stewardsOf(job).includes(from)) return
    this.#jobs.end(job)
    for (const held of [...this.#held.values()]) {
      if (held.manifest.id !== job) continue
      this.#abort(held)
      this.#drop(held, 'withdrawn')
    }
    this.#receipts.forget(job)
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
    // First: what is said below is said of a lease that a restart would not bring back.
    this.#drop(held, released)
    if (held.done.length > 0) this.#commit(held, released, nowMs)
    else if (released !== null) {
      const reason = released === 'withdrawn' ? 'busy' : released
      const retryMs = released === 'withdrawn' ? 0 : stoppedRetryMs
      const { manifest, lease } = held
      this.#send(held.steward, { type: 'decline', job: manifest.id, lease: lease.id, reason, retryMs })
    }
    if (released !== null) this.#totals.leasesReleased += 1
  }

  #drop(held: Held, reason: ReleaseReason | null): void {
    const { lease, manifest } = held
    if (held.slot !== undefined) this.#slots[held.slot] = undefined
    this.#held.delete(lease.id)
    this.#jobs.close(lease)
    this.#effects.push({ type: 'release', job: manifest.id, lease: lease.id, reason })
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
    const cpuMs = done.reduce((sum, shard) => sum + shard.cpuMs, 0)
    const payload: Receipt = {
      lease: lease.id,
      covers,
      root: receiptRoot(
        sha256,
        { id: lease.id, job: lease.job, worker: self, shards: lease.payload.shards },
        covers,
        opening,
      ),
      cpuMs: Math.round(cpuMs),
      wallMs: Math.round(done.reduce((sum, shard) => sum + shard.wallMs, 0)),
      energy: energyOf(cpuMs, this.#energyRate),
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
    const id = recordId(sha256, encodeBody(body))
    const receipt = { id, job: lease.job, lease: lease.id, to: held.steward, released }
    this.#receipts.add(receipt)
    this.#effects.push({ type: 'issue', id, body, opening })
    this.#deliver(receipt)
    this.#totals.receipts += 1
    held.done = []
    held.receipts += 1
    held.lastReceiptMs = nowMs
  }

  #deliver({ id, to, released }: SignedReceipt): void {
    this.#effects.push({ type: 'deliver', to, receipt: id, released })
  }

  #report(nowMs: number): void {
    for (const held of [...this.#held.values()]) {
      if (held.state === 'restored' && held.manifest.payload.deadlineMs <= nowMs) {
        this.#handIn(held, 'failed', nowMs) // nobody came for it
        continue
      }
      if (held.done.length > 0 && nowMs - held.lastReceiptMs >= receiptIntervalMs)
        this.#commit(held, null, nowMs)
      const { manifest, lease, finished } = held
      this.#send(held.steward, { type: 'progress', job: manifest.id, lease: lease.id, done: finished.size })
    }
    this.#lastProgressMs = nowMs
  }

  #takeEffects(nowMs: number): WorkerEffect[] {
    this.#askToWake(nowMs)
    const effects = this.#effects
    this.#effects = []
    return effects
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
    if (this.#mode !== 'run' || !this.#hasRoom) return 0
    return this.#slots.filter((lease) => lease === undefined).length
  }
}

function energyOf(cpuMs: number, rate: EnergyRate | null): Receipt['energy'] {
  if (rate === null) return null
  return { joules: Math.round((cpuMs / 1_000) * rate.joulesPerCpuSecond), basis: rate.basis }
}
