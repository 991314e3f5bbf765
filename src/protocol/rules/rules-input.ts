/** The things that the owner's rules are told. */
import type { VehicleState } from './signals.ts'

export type RulesInput =
  /** Readings that have become known. */
  | { readonly type: 'readings'; readonly readings: VehicleState }
  /**
   * The owner's word: nothing works until then; null: until `resume`. `isDate`: the owner means a time of day, such as
   * midnight, and not so long from now.
   */
  | { readonly type: 'pause'; readonly untilMs: number | null; readonly isDate?: boolean }
  | { readonly type: 'resume' }
  /**
   * The clock was set forward by so much, or back when negative: what settles, and how long the vehicle is parked or
   * paused, goes on. Readings are as old as their times say, or unknown when they lie ahead: a car may have driven off since.
   */
  | { readonly type: 'clock-set'; readonly byMs: number }
  /** A source sends a signal of this name, which no rule reads. */
  | { readonly type: 'unused'; readonly name: string }
  /** Time has passed. */
  | { readonly type: 'look' }
