/**
 * A hundred vehicles of many owners for a week, with as much paid work as they take: the production rules decide when
 * a vehicle works, the production worker and steward choose its work, and the ledger's claims give the worth of that
 * work.
 *
 * A week of a thousand vehicles has no time for all that the World beside it has: here is no network that loses
 * messages, no crashes, no standbys, no liars. Timers of steward and worker fire late by up to 10 and 20 s, which
 * leases survive, and a shard takes five minutes where the mesh cuts them to seconds: so more is lost to each
 * departure here than there.
 */

import type { JobId, PeerId } from '../../protocol/ids.ts'
import type { JobEnd } from '../../protocol/job/verdict.ts'
import type { Verified } from '../../protocol/record/record.ts'
import { Chance } from '../chance.ts'
import { Timeline } from '../timeline.ts'
import { CellJob, type JobOrder } from './cell-job.ts'
import { CellVehicle } from './cell-vehicle.ts'
import { type CellWorld, startMs, type VehicleWeek } from './cell-world.ts'
import type { Market } from './power.ts'
import { Presence } from './presence.ts'
import { dayMs, hourMs } from './trips.ts'

export interface CellOptions {
  readonly seed: number
  readonly vehicles: number
  readonly robotaxis: number
  readonly days: number
  /** Left out: as much work as vehicles take, at prices that do not change. */
  readonly market?: Market
}

export interface CellWeek {
  readonly vehicles: readonly VehicleWeek[]
  readonly violations: readonly string[]
  readonly presence: Presence
  readonly shardsVerified: number
  /** Jobs that ended before all was verified. */
  readonly jobsMissed: number
  readonly jobsDone: number
}

const advertsMs = 30_000
const looksForJobs = 10
/** In a cell with a market, jobs of a day's time come this often. */
const jobEveryMs = 3 * hourMs

export class Cell implements CellWorld {
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
  #jobsMissed = 0
  #jobsDone = 0
  /** The messages that go out once the machine that speaks has finished. */
  readonly #said: (() => void)[] = []
  #isSaying = false

  constructor(options: CellOptions) {
    this.#options = options
    this.chance = new Chance(options.seed, 'cell')
    for (let i = 0; i < options.vehicles; i += 1) {
      const vehicle = new CellVehicle(
        this,
        i,
        i < options.robotaxis ? 'robotaxi' : 'private',
        options.seed,
        options.days,
        options.market,
      )
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
      jobsMissed: this.#jobsMissed,
      jobsDone: this.#jobsDone,
    }
  }

  get nowMs(): number {
    return this.timeline.nowMs
  }

  get clockMs(): number {
    return startMs + this.timeline.nowMs
  }

  say(what: () => void): void {
    this.#said.push(what)
    if (this.#isSaying) return
    this.#isSaying = true
    for (let next = this.#said.shift(); next !== undefined; next = this.#said.shift()) next()
    this.#isSaying = false
  }

  job(id: JobId): CellJob | undefined {
    return this.#jobs.get(id)
  }

  vehicle(peer: PeerId): CellVehicle {
    return this.#byPeer.get(peer)!
  }

  wakeAt(clockMs: number, slackMs: number, happen: () => void): void {
    const atMs = clockMs - this.clockMs + this.nowMs
    this.timeline.at(Math.ceil(atMs / slackMs) * slackMs, () => this.say(happen))
  }

  verified(shards: number): void {
    this.#shardsVerified += shards
  }

  ended(job: JobId, end: Verified<JobEnd>): void {
    this.#jobs.delete(job)
    if (end.payload.outcome === 'complete') this.#jobsDone += 1
    else this.#jobsMissed += 1
    for (const vehicle of this.#vehicles) vehicle.ended(job, end)
  }

  #advertise(): void {
    const capacities = this.#vehicles.map((vehicle) => vehicle.capacity())
    for (const job of this.#jobs.values()) job.learn(capacities)
    // The next job begins when nothing of the others waits any more. To look is to count all of its shards.
    const isTime = this.#rounds % looksForJobs === 0
    this.#rounds += 1
    const order = isTime ? this.#order() : undefined
    if (order !== undefined) {
      const job = new CellJob(this, this.#jobsBegun, order)
      this.#jobsBegun += 1
      this.#jobs.set(job.id, job)
      job.learn(capacities)
    }
    this.timeline.at(this.nowMs + advertsMs, () => this.#advertise())
  }

  /** The next job, if it is time for one. */
  #order(): JobOrder | undefined {
    const { market, days } = this.#options
    if (market === undefined) return [...this.#jobs.values()].every((job) => job.isHandedOut) ? {} : undefined
    const isDue = this.nowMs >= this.#jobsBegun * jobEveryMs && this.nowMs < (days - 1) * dayMs
    if (!isDue) return undefined
    const shards = Math.round((market.shardsPerDay * jobEveryMs) / dayMs)
    return { shards, deadlineMs: dayMs, waits: market.follows }
  }
}
