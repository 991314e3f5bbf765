/** The services that the jobs and vehicles of a cell ask of it, and the parts of a week. */
import type { JobId, LeaseId, PeerId } from '../../protocol/ids.ts'
import type { Lease } from '../../protocol/job/lease.ts'
import type { JobEnd } from '../../protocol/job/verdict.ts'
import type { Verified } from '../../protocol/record/record.ts'
import type { StewardInput } from '../../protocol/steward/contract.ts'
import type { WorkerInput } from '../../protocol/worker/contract.ts'
import type { Chance } from '../chance.ts'
import type { SimJob } from '../sim-job.ts'
import type { Timeline } from '../timeline.ts'
import type { Presence } from './presence.ts'
import type { Kind } from './trips.ts'
import type { VehicleTotals } from './vehicle-tally.ts'

/** 2026-06-01, a Monday, at midnight in Berlin: no clock changes in the weeks around it. */
export const startMs = Date.UTC(2026, 4, 31, 22)
export const timeZone = 'Europe/Berlin'

/** 150 pages, of two seconds each. */
export const shardMs = 300_000
export const pagesPerShard = 150
/** An awake computer with its work, as owners measured them: 300 W. */
export const workKw = 0.3
export const currency = 'EUR'

/** A job, as vehicles speak to it. */
export interface JobEar {
  tell(input: StewardInput): void
}

/** A vehicle, as jobs speak to it. */
export interface VehicleEar {
  offered(job: SimJob, lease: Verified<Lease>): void
  tell(input: WorkerInput): void
  /** Reports the outcome of one place of a lease that this vehicle has done. */
  claimed(lease: LeaseId, place: number, outcome: 'paid' | 'void' | 'reopened', ownerMicros: number): void
}

/** One vehicle's week in figures. */
export interface VehicleWeek extends VehicleTotals {
  readonly kind: Kind
  readonly kwh: number
  /** Its energy, by the hour, in micros of a euro. */
  readonly costMicros: number
  /** By hour of the day, all days together. */
  readonly kwhByHour: readonly number[]
}

export interface CellWorld {
  readonly chance: Chance
  readonly timeline: Timeline
  readonly presence: Presence
  readonly nowMs: number
  /** On clocks. */
  readonly clockMs: number
  /** Runs one thing after the other: machines must not be handed an input while they answer another. */
  say(what: () => void): void
  /** Undefined once it has ended. */
  job(id: JobId): JobEar | undefined
  vehicle(peer: PeerId): VehicleEar
  verified(shards: number): void
  ended(job: JobId, end: Verified<JobEnd>): void
  /** Wakes whoever asks for it late, by up to so much: a week has no time for every second. */
  wakeAt(clockMs: number, slackMs: number, happen: () => void): void
}
