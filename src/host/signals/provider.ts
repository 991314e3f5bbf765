/** The interface of a source of readings. */
import type { VehicleState } from '../../protocol/rules/signals.ts'

/** Where readings of this vehicle come from. */
export interface SignalProvider {
  /** As the owner wrote it, for logs and `carpool why`; never with a secret. */
  readonly name: string
  /**
   * What has become known, each part with its own time. Ends when `signal` is aborted and not before, and throws
   * nothing: what breaks is tried again and said in the log. Readings that stop coming grow old by themselves, since
   * none is ever repeated as new; that is how a lost connection shows. A consumer that is slow gets fewer and newer
   * parts, never a queue.
   */
  readings(signal: AbortSignal): AsyncIterable<VehicleState>
}
