/** The interface of a source of readings. */
import type { VehicleState } from '../../protocol/rules/signals.ts'

/** A source of this vehicle's readings. */
export interface SignalProvider {
  /** As the owner wrote it, for logs and `carpool why`; never with a secret. */
  readonly name: string
  /**
   * Yields the readings that become known, each with its own time. Ends when `signal` is aborted and not before, and
   * throws nothing: a broken connection is tried again and reported in the log. Readings that stop coming grow old by
   * themselves, since none is ever repeated as new; that is how a lost connection shows. A consumer that is slow gets
   * fewer and newer parts, never a queue.
   */
  readings(signal: AbortSignal): AsyncIterable<VehicleState>
}
