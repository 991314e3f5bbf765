/** A day that a virtual world lives through in place of drives that its scenario plans: a sampled cell's (cells/work.ts). */
import type { OwnerId, PeerId } from '../protocol/ids.ts'
import type { DrawAbroad } from '../protocol/job/abroad.ts'
import type { ForeignCapacity } from '../protocol/membership/advert.ts'
import type { SignedRecord } from '../protocol/record/record.ts'
import type { SimJob } from './sim-job.ts'

/** From this moment on, milliseconds after midnight. */
export interface LifeChange {
  readonly atMs: number
  readonly isHere: boolean
  /** Its owner's rules let it work. */
  readonly works: boolean
}

/** A vehicle of another cell, and the rest of its day. */
export interface Foreigner {
  readonly peer: PeerId
  readonly owner: OwnerId
  readonly isOfCartel: boolean
  readonly life: readonly LifeChange[]
}

/** A census of other cells: what it put on record, the adverts that its block has, and the vehicles that it found. */
export interface Found {
  readonly list: DrawAbroad
  readonly members: readonly ForeignCapacity[]
  readonly adverts: readonly SignedRecord[]
  readonly vehicles: readonly Foreigner[]
}

export interface Day {
  /** By peer; the first change is at the beginning. Nodes without one are there all day. */
  readonly lives: ReadonlyMap<PeerId, readonly LifeChange[]>
  /** The number of its first job: jobs of other cells have others. */
  readonly firstJob: number
  /** When each job is submitted. */
  readonly submittedMs: readonly number[]
  /** Times the shards of a job, by its number: some are larger than their cell. */
  readonly sizes: readonly number[]
  /** For this long one part of the nodes hears the others not, and the others not it. */
  readonly parted: {
    readonly fromMs: number
    readonly untilMs: number
    isApart(peer: PeerId): boolean
  } | null
  /** Takes the census of this number for this steward of the job. Undefined: there is only one cell. */
  census(job: SimJob, index: number, steward: PeerId, nowMs: number): Found | undefined
}
