/**
 * The worker: the vehicle's side of leases.
 *
 * It takes or declines what stewards offer, has the blocks of queued leases fetched while others run, gives
 * each slot one lease at a time, and commits to what is done with signed receipts, which it repeats until the
 * steward acknowledges them. When the vehicle is needed it stands still at once, hands in what is finished and
 * gives back the rest.
 *
 * A lease is run at most once: a steward that offers one that is over gets its receipts again. Otherwise two runs
 * could end differently, and the vehicle would have signed two results for one shard, which is what liars do. A lease
 * survives a restart with all that is finished of it, and goes on when its steward is there. Stewards change: a
 * steward that adopts a job is told of its leases and shown its receipts, and the vehicle owes them to that steward, too,
 * from then on. The signer of a lease keeps its rights: no other steward makes a vehicle drop what is the signer's.
 *
 * Its parts: objections to an offer (objection.ts), changes of stewards (adopting.ts), the choice of the next lease and its slot (fair-queue.ts,
 * bench.ts), how long a lease keeps its slot (turns.ts), receipts (commitment.ts), the end of leases (endings.ts), and the start after a restart (restoring.ts).
 */
import { impossible } from '../../base/assert.ts'
import type { JobId, LeaseId, PeerId } from '../ids.ts'
import type { Lease } from '../job/lease.ts'
import type { Manifest } from '../job/manifest.ts'
import { progressIntervalMs } from '../limits.ts'
import type { Verified } from '../record/record.ts'
import { adopted, goOn } from './adopting.ts'
import type {
  Done,
  RestoredJob,
  UnpreparedReason,
  WorkerEffect,
  WorkerInput,
  WorkerOptions,
  WorkerView,
} from './contract.ts'
import { busyRetryMs, Desk, stoppedRetryMs } from './desk.ts'
import { drop, endJob, handIn, makeRoom, standDown, withdraw } from './endings.ts'
import { isComplete, newlyHeld } from './held.ts'
import { isSteward } from './known-jobs.ts'
import { objectionTo } from './objection.ts'
import { restoredLease, restoredReceipts } from './restoring.ts'
import { endTurns, runEnded } from './turns.ts'

export class Worker {
  readonly #options: WorkerOptions
  readonly #desk: Desk
  #wakeAtMs = Number.POSITIVE_INFINITY

  /** `serial`: one more than that of the last receipt this key ever signed. */
  constructor(options: WorkerOptions, serial: number) {
    this.#options = options
    this.#desk = new Desk(options, serial)
  }

  /** Takes up what an earlier run left behind. Call before the first input. */
  restore(restored: Iterable<RestoredJob>, nowMs: number): WorkerEffect[] {
    const { jobs, bench, receipts } = this.#desk
    bench.nowMs = nowMs
    for (const job of restored) {
      jobs.remember(job.manifest, job.handovers)
      for (const steward of job.adopters) this.#desk.adopt(job.manifest, steward)
      receipts.restore(restoredReceipts(job, (lease) => this.#desk.guardiansOf(lease)))
      for (const lease of job.leases) {
        const held = restoredLease(job, lease, nowMs)
        const covered = lease.receipts.flatMap(({ payload }) => payload.covers)
        jobs.promise(lease.lease, held === undefined ? covered : undefined)
        if (held === undefined) {
          jobs.close(lease.lease)
          continue
        }
        bench.add(held)
        if (lease.released !== undefined || isComplete(held))
          handIn(this.#desk, held, lease.released ?? null, nowMs)
        // At once: a steward that gave the lease up meanwhile is about to lease its shards again.
        else if (held.done.length > 0) receipts.commit(held, null, nowMs)
      }
    }
    return this.#takeEffects(nowMs)
  }

  handle(input: WorkerInput, nowMs: number): WorkerEffect[] {
    const { bench, condition, effects } = this.#desk
    const before = this.view()
    bench.nowMs = nowMs
    this.#take(input, nowMs)
    if (condition.mode === 'run') bench.fill()
    const { mode, slots } = this.view()
    if (slots.free !== before.slots.free || mode !== before.mode) effects.push({ type: 'advertise' })
    return this.#takeEffects(nowMs)
  }

  #take(input: WorkerInput, nowMs: number): void {
    switch (input.type) {
      case 'offer':
        this.#consider(input, nowMs)
        break
      case 'adopt':
        adopted(this.#desk, input)
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
        withdraw(this.#desk, input.lease, input.from, nowMs)
        break
      case 'acknowledge':
        this.#desk.receipts.acknowledged(input.receipt, input.from)
        break
      case 'ended':
        endJob(this.#desk, input, this.#options.sha256, nowMs)
        break
      case 'mode':
        this.#desk.condition.mode = input.mode
        if (input.mode !== 'run') standDown(this.#desk, input.mode, nowMs)
        break
      case 'categories':
        this.#desk.condition.categories = input.categories
        break
      case 'asks':
        this.#desk.condition.asks = input.asks
        break
      case 'operator-share':
        this.#desk.condition.operatorPpm = input.ppm
        break
      case 'room':
        this.#desk.condition.hasRoom = input.enough
        break
      case 'available':
        this.#desk.condition.availableUntilMs = input.untilMs
        break
      case 'energy':
        this.#desk.receipts.energyRate = input.rate
        break
      case 'connected':
        this.#connected(input.peer)
        break
      case 'disconnected':
        this.#desk.connected.delete(input.peer)
        break
      case 'clock-set':
        this.#desk.bench.clockSet(input.byMs)
        break
      case 'wake':
        this.#wakeAtMs = Number.POSITIVE_INFINITY
        this.#report(nowMs)
        break
      default:
        impossible(input)
    }
  }

  view(): WorkerView {
    const { bench, condition, totals, receipts } = this.#desk
    const { mode, hasRoom } = condition
    return {
      // A full disk takes no new lease, and finishes what it has: others need not ask.
      mode: mode === 'run' && !hasRoom ? 'drain' : mode,
      slots: { total: bench.slots, free: mode === 'run' && hasRoom ? bench.free : 0 },
      hasRoom,
      leases: bench.size,
      shardsDone: totals.shardsDone,
      receipts: receipts.signed,
      leasesReleased: totals.leasesReleased,
    }
  }

  /** A lease under way, for those who carry out its effects. */
  lease(id: LeaseId):
    | {
        readonly lease: Verified<Lease>
        readonly manifest: Verified<Manifest>
        /** Those who look after the lease first, and of them those that are connected. */
        readonly stewards: readonly PeerId[]
        readonly finished: ReadonlySet<number>
      }
    | undefined {
    const held = this.#desk.bench.get(id)
    if (held === undefined) return undefined
    const { lease, manifest, finished } = held
    const guardians = this.#desk.guardiansOf(held)
    const here = guardians.filter((peer) => this.#desk.connected.has(peer))
    const stewards = [...new Set([...here, ...guardians, ...this.stewardsOf(manifest.id)])]
    return { lease, manifest, finished, stewards }
  }

  /** Tells whether leases of the job are under way. */
  works(job: JobId): boolean {
    return this.#desk.bench.ofJob(job).length > 0
  }

  /**
   * Returns the peers that may read a job's results: all that are or were stewards of it, as far as is known here.
   */
  stewardsOf(job: JobId): readonly PeerId[] {
    return this.#desk.jobs.stewardsOf(job)
  }

  // --- stewards ---------------------------------------------------------------------------------------------

  #connected(peer: PeerId): void {
    const desk = this.#desk
    desk.connected.add(peer)
    for (const held of desk.bench.all())
      if (held.state === 'restored' && desk.guardiansOf(held).includes(peer)) goOn(desk, held, peer)
    desk.receipts.deliverDueTo(peer)
  }

  // --- leases -----------------------------------------------------------------------------------------------

  #consider(offer: Extract<WorkerInput, { type: 'offer' }>, nowMs: number): void {
    const { jobs, bench, receipts, effects } = this.#desk
    const { from, lease, manifest, handovers } = offer
    const succession = jobs.successionOf(manifest, handovers)
    const known = bench.get(lease.id)
    const isItsSteward = lease.job === manifest.id && isSteward(from, succession) // a stranger makes manifests, too
    if (known !== undefined && isItsSteward) {
      if (from !== lease.signer) this.#desk.adopt(manifest, from)
      goOn(this.#desk, known, from)
      return
    }
    if ((offer.isPast || jobs.isOver(lease)) && isItsSteward) {
      if (from !== lease.signer) this.#desk.adopt(manifest, from)
      receipts.deliverOfLease(lease.id, from)
      this.#desk.decline(offer, from, 'expired', 0)
      return
    }
    const object = () => objectionTo(offer, succession, this.#desk, this.#options, nowMs)
    const first = object()
    const reason = first === 'busy' && makeRoom(this.#desk, manifest.signer, nowMs) ? object() : first
    if (reason !== undefined) {
      this.#desk.decline(offer, from, reason, reason === 'busy' ? busyRetryMs : stoppedRetryMs)
      return
    }
    jobs.remember(manifest, handovers)
    if (from !== lease.signer) this.#desk.adopt(manifest, from)
    jobs.promise(lease)
    const held = newlyHeld(offer, nowMs)
    bench.add(held)
    effects.push({ type: 'take', lease: lease.id })
    this.#desk.accept(held, from)
    effects.push({ type: 'prepare', lease: lease.id })
  }

  #prepared(id: LeaseId): void {
    const held = this.#desk.bench.get(id)
    if (held?.state === 'preparing') held.state = 'ready'
  }

  #unprepared(id: LeaseId, why: UnpreparedReason): void {
    const held = this.#desk.bench.get(id)
    if (held?.state !== 'preparing') return
    this.#desk.giveBack(held, why, busyRetryMs)
    drop(this.#desk, held, 'failed')
  }

  #shardDone(id: LeaseId, { place, result, units, cpuMs, wallMs }: Done, nowMs: number): void {
    const { bench, condition, totals, receipts } = this.#desk
    const held = bench.get(id)
    if (held?.slot === undefined || held.finished.has(place)) return
    held.finished.add(place)
    held.done.push({ place, result, ...(units && { units }), cpuMs, wallMs })
    const { costMs, shards } = held.lease.payload
    condition.paces.measure(held.manifest.signer, wallMs, costMs / shards.length)
    totals.shardsDone += 1
    if (!isComplete(held)) receipts.commitIfDue(held, nowMs)
  }

  #runEnded(id: LeaseId, nowMs: number): void {
    const held = this.#desk.bench.get(id)
    if (held?.slot !== undefined) runEnded(this.#desk, held, isComplete(held), nowMs)
  }

  #report(nowMs: number): void {
    endTurns(this.#desk, nowMs)
    for (const held of this.#desk.bench.all()) {
      if (held.state === 'restored' && held.manifest.payload.deadlineMs <= nowMs) {
        handIn(this.#desk, held, 'failed', nowMs) // nobody came for it
        continue
      }
      this.#desk.receipts.commitIfDue(held, nowMs)
      this.#desk.progress(held)
    }
  }

  #takeEffects(nowMs: number): WorkerEffect[] {
    const { bench, effects } = this.#desk
    if (bench.size > 0 && this.#wakeAtMs === Number.POSITIVE_INFINITY) {
      this.#wakeAtMs = nowMs + progressIntervalMs
      effects.push({ type: 'wake', atMs: this.#wakeAtMs })
    }
    return effects.splice(0)
  }
}
