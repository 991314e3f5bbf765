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
import { Chance } from '../chance.ts'
import { Timeline } from '../timeline.ts'
import { CellJob } from './cell-job.ts'
import { CellVehicle, type VehicleWeek } from './cell-vehicle.ts'
import { type CellWorld, startMs } from './cell-world.ts'
import { Presence } from './presence.ts'
import { dayMs } from './trips.ts'

export interface CellOptions {
  readonly seed: number
  readonly vehicles: number
  readonly robotaxis: number
  readonly days: number
}

export interface CellWeek {
  readonly vehicles: readonly VehicleWeek[]
  readonly violations: readonly string[]
  readonly presence: Presence
  readonly shardsVerified: number
}

const advertsMs = 30_000
const looksForJobs = 10

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
