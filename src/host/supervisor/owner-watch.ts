/**
 * Watches over the owner's rules (src/protocol/rules) for a node: gives them the readings and the time, and reports
 * each new judgement.
 */
import type { Logger } from 'pino'
import type { Judgement } from '../../protocol/rules/judgement.ts'
import type { PreferenceName, Preferences } from '../../protocol/rules/preferences.ts'
import type { EnergyRate } from '../../protocol/worker/contract.ts'
import type { ChildObserver } from '../executor/contract.ts'
import type { NetworkKind } from '../signals/network.ts'
import type { Journal } from '../store/journal.ts'

export interface OwnerWatch extends ChildObserver {
  judgement(): Judgement
  /** The power that the work draws, for receipts. */
  readonly energyRate: EnergyRate
  /** Called after each change of either. The answer ends it. */
  onChange(handler: (judgement: Judgement) => void): () => void
  /**
   * Until then; null: until `resume`. Outlives a restart. `isDate`: until that time of day, and not for so long from now.
   * Resolves when the judgement has it.
   */
  pause(untilMs: number | null, isDate?: boolean): Promise<void>
  resume(): Promise<void>
  /** The owner wishes something else; the time zone stays. Resolves when the judgement has it. */
  setPreferences(preferences: Preferences): Promise<void>
  stop(): Promise<void>
}

/** The owner's wishes. */
export interface OwnersWish {
  readonly preferences: Preferences
  /** The place where each of them was set, in words for `carpool why`. */
  readonly origins: Readonly<Record<PreferenceName, string>>
}

export interface OwnerWatchOptions {
  readonly preferences: Preferences
  /** The sources of the vehicle's readings (src/host/signals/specs.ts); none: it is a machine without a vehicle. */
  readonly signals: readonly string[]
  readonly network: NetworkKind
  /** The power that a slot draws when it is busy all the time, in watts. */
  readonly slotWatts: number
  /** Sent and received since the node began. */
  readonly trafficBytes: () => number
  readonly journal: Pick<Journal, 'getSetting' | 'putSetting'>
  readonly log: Logger
}
