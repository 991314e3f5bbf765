/** The input of a way to decide, and its outcome. */
import type { Chance } from '../chance.ts'
import type { Population } from './attackers.ts'

export interface Outcome {
  readonly shards: number
  readonly executions: number
  /** Accepted, and not the truth. */
  readonly wrong: number
}

export interface Job {
  readonly shards: number
  readonly population: Population
  readonly chance: Chance
  /** The error bound that Carpool's submitter bought; the others offer no choice. */
  readonly errorBound: number
  readonly colludingShare: number
}

export type Policy = (job: Job) => Outcome
