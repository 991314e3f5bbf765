/**
 * The history of a node: what its vehicle did by day, for its owner, and one line of the log for each thing that it does.
 *
 * It is told of leases, shards, pauses and connections as they happen, paid or not, and decides nothing. Durations are
 * counted on the monotonic clock; the day on which they count is that of the vehicle's time zone. What is counted is
 * written once a minute while there is work, and every quarter of an hour otherwise, so that an idle vehicle leaves its disk
 * alone: a crash forgets that much of it.
 */
import type { Logger } from 'pino'
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { Manifest } from '../../protocol/job/manifest.ts'
import type { Entry } from '../../protocol/ledger/entry.ts'
import type { ReleaseReason } from '../../protocol/message.ts'
import { formatMoney, type Micros, totalOf } from '../../protocol/price.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import { dayMs, LocalTime } from '../../protocol/rules/week.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { Clock } from '../clock.ts'
import type { Database } from '../store/database.ts'
import { StoreError } from '../store/errors.ts'
import type { HistoryView, ShardDone, WorkNews } from './contract.ts'
import { type DrawnToday, type EnergyHour, EnergyHours, type PriceNow, unitJoulesOf } from './energy-hours.ts'
import { LogLines } from './log-lines.ts'
import { moneyByDay } from './money-by-day.ts'
import { daysKept, Tallies } from './tallies.ts'
import { viewOf } from './view.ts'

export interface HistoryOptions {
  readonly self: PeerId
  readonly database: Database
  readonly books: { since(atMs: number): Iterable<Entry> }
  readonly timeZone: string
  /** Those that this node knows; left out: those that come along. */
  readonly runtimes?: Runtimes | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly energy?: HistoryEnergy
}

/** Where energy is counted by the hour. */
interface HistoryEnergy {
  readonly drawn: () => DrawnToday
  readonly idleWatts: number
  readonly price: PriceNow
}

/** A lease under way. */
interface Held {
  readonly runtime: string
  readonly shards: number
  done: number
  /** Null: an earlier run of the node took it. */
  readonly takenMs: number | null
}

const lookMs = 60_000
/** The energy of a unit changes with the kind of documents, within weeks. A guess. */
const weeksMeasured = 4
/** Between writes while there is no work: 96 a day. A guess. */
const idleSaveMs = 15 * 60_000

export class History implements WorkNews {
  readonly #options: HistoryOptions
  readonly #local: LocalTime
  readonly #tallies: Tallies
  readonly #lines: LogLines
  readonly #energy: EnergyHours
  readonly #held = new Map<LeaseId, Held>()
  #energyRate: EnergyRate = { joulesPerCpuSecond: 0, basis: 'estimated' }
  /** The rule that holds work back; null: none does; undefined: nobody has said, or the node executes nothing. */
  #pausedBy: string | null | undefined
  #isAlone = false
  #countedMs: number
  #savedMs: number
  #isWorkUnsaved = false
  #callOff = () => {}

  constructor(options: HistoryOptions) {
    const { clock, database, timeZone, log, energy } = options
    this.#options = options
    this.#local = LocalTime.in(timeZone)
    this.#tallies = new Tallies(database)
    this.#lines = new LogLines(log, clock)
    this.#energy = new EnergyHours(this.#tallies, energy?.idleWatts ?? 0, energy?.price ?? (() => null))
    this.#countedMs = clock.monotonicMs()
    this.#savedMs = this.#countedMs
    this.#look()
  }

  // --- work ---------------------------------------------------------------------------------------------------

  leaseTaken({ id, payload }: Verified<Manifest>, lease: Verified<Lease>): void {
    const { runtime } = payload
    const shards = lease.payload.shards.length
    this.#hold(lease.id, { runtime, shards, done: 0, takenMs: this.#options.clock.monotonicMs() })
    this.#add('leases-taken', runtime, 1)
    this.#lines.say('lease taken', shards, { runtime, job: id, steward: lease.signer, lease: lease.id })
  }

  leaseKept({ payload }: Verified<Manifest>, lease: Verified<Lease>, done: number): void {
    const shards = lease.payload.shards.length
    this.#hold(lease.id, { runtime: payload.runtime, shards, done, takenMs: null })
  }

  shardDone(
    { payload }: Verified<Manifest>,
    lease: LeaseId,
    { pages, units, cpuMs, wallMs }: ShardDone,
  ): void {
    const { runtime } = payload
    const { joulesPerCpuSecond, basis } = this.#energyRate
    const held = this.#held.get(lease)
    if (held !== undefined) held.done += 1
    this.#add('shards', runtime, 1)
    this.#add('pages', runtime, pages)
    if (units !== undefined) this.#add('units', runtime, totalOf(units))
    this.#add('wall-ms', runtime, wallMs)
    this.#add('cpu-ms', runtime, cpuMs)
    const joules = (cpuMs / 1_000) * joulesPerCpuSecond
    this.#add(`${basis}-joules`, runtime, joules)
    this.#energy.done(joules, this.#today(), this.#options.clock.now())
  }

  leaseOver(job: JobId, lease: LeaseId, reason: ReleaseReason | null): void {
    const held = this.#held.get(lease)
    if (held === undefined) return
    if (this.#held.size === 1) this.#count()
    this.#held.delete(lease)
    const { runtime, shards, done, takenMs } = held
    const facts = {
      runtime,
      job,
      ...(takenMs === null ? {} : { afterMs: this.#options.clock.monotonicMs() - takenMs }),
      lease,
    }
    if (reason === null) {
      this.#add('leases-done', runtime, 1)
      this.#lines.say('lease done', shards, facts)
    } else {
      this.#add('leases-back', reason, 1)
      this.#lines.say('lease handed back', shards, { done, reason, ...facts })
    }
  }

  verified(job: JobId, steward: PeerId, micros: Micros, currency: string): void {
    this.#lines.say('work verified', null, { owed: formatMoney(micros, currency), job, steward })
  }

  paid(job: JobId, steward: PeerId, micros: Micros, currency: string): void {
    this.#lines.say('payment announced', null, { paid: formatMoney(micros, currency), job, steward })
  }

  // --- pauses, connections ------------------------------------------------------------------------------------

  judged({ verdict, reasons }: Judgement, rate: EnergyRate): void {
    this.#count()
    this.#energyRate = rate
    const by = verdict === 'run' ? null : (reasons[0] ?? verdict)
    if (by === this.#pausedBy) return
    this.#pausedBy = by
    if (by !== null) this.#tallies.add(this.#today(), 'pauses', by, 1)
  }

  /** Tells whether no other node is connected. */
  alone(isAlone: boolean): void {
    this.#count()
    this.#isAlone = isAlone
  }

  // --- questions ----------------------------------------------------------------------------------------------

  /** The last days, today among them. */
  view(days: number): HistoryView {
    const { self, books, timeZone } = this.#options
    this.#count()
    const today = this.#today()
    const first = today - Math.min(days, daysKept) + 1
    const dayOf = (atMs: number) => Math.floor(this.#local.toLocal(atMs) / dayMs)
    const money = moneyByDay(books.since(this.#local.toUtc(first * dayMs)), self, dayOf)
    return {
      timeZone,
      days: viewOf(this.#tallies.since(first), money, [first, today], this.#options.runtimes),
    }
  }

  /** Energy by the hour, of the last days, today among them. */
  energy(days: number): EnergyHour[] {
    this.#count()
    return this.#energy.since(this.#today() - Math.min(days, daysKept) + 1)
  }

  /**
   * The energy of one unit of a runtime's work in the last weeks, with what came to nothing, and with that of the computer which was
   * awake for it; null: too little was done.
   */
  unitJoules(runtime: string, slots: number): number | null {
    this.#count()
    const first = this.#today() - weeksMeasured * 7
    const idle = { watts: this.#options.energy?.idleWatts ?? 0, slots }
    return unitJoulesOf(this.#tallies.since(first), this.#energy.since(first), runtime, idle)
  }

  stop(): void {
    this.#callOff()
    this.#lines.stop()
    this.#count()
    this.#save()
  }

  // --- counting -----------------------------------------------------------------------------------------------

  #today(): number {
    return Math.floor(this.#local.toLocal(this.#options.clock.now()) / dayMs)
  }

  /** Time is counted as busy from the first lease to the last: the others change nothing of it. */
  #hold(lease: LeaseId, held: Held): void {
    if (this.#held.size === 0) this.#count()
    this.#held.set(lease, held)
  }

  #add(kind: string, name: string, value: number): void {
    this.#isWorkUnsaved = true
    this.#tallies.add(this.#today(), kind, name, value)
  }

  /** Counts the time since the last call under what has been so since then; at midnight it is shared between the two days. */
  #count(): void {
    const { clock } = this.#options
    const nowMs = clock.monotonicMs()
    const passedMs = nowMs - this.#countedMs
    this.#countedMs = nowMs
    this.#countEnergy()
    if (passedMs <= 0) return
    const today = this.#today()
    const ofTodayMs = this.#local.toLocal(clock.now()) % dayMs
    for (const [day, ms] of [
      [today, Math.min(passedMs, ofTodayMs)],
      [today - 1, Math.max(0, passedMs - ofTodayMs)],
    ] as const) {
      if (ms === 0) continue
      if (this.#pausedBy === null) {
        this.#tallies.add(day, 'ready-ms', '', ms)
        this.#energy.ready(ms, day, clock.now())
        if (this.#held.size > 0) this.#tallies.add(day, 'busy-ms', '', ms)
      } else if (this.#pausedBy !== undefined) this.#tallies.add(day, 'paused-ms', this.#pausedBy, ms)
      if (this.#isAlone) this.#tallies.add(day, 'alone-ms', '', ms)
    }
  }

  #countEnergy(): void {
    const { energy, clock } = this.#options
    if (energy !== undefined) this.#energy.drew(energy.drawn(), this.#today(), clock.now())
  }

  #look(): void {
    this.#count()
    if (this.#isWorkUnsaved || this.#countedMs - this.#savedMs >= idleSaveMs) this.#save()
    this.#callOff = this.#options.clock.after(lookMs, () => this.#look())
  }

  #save(): void {
    try {
      this.#tallies.save(this.#today())
    } catch (error) {
      // All of it stays in memory, and is written once there is room.
      if (!(error instanceof StoreError) || error.code !== 'disk-full') throw error
      return
    }
    this.#isWorkUnsaved = false
    this.#savedMs = this.#countedMs
  }
}
