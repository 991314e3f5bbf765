/**
 * Knocks at the doors of a fleet's registrars: a node that waits is let in there, and registrars learn from each other what was decided.
 * Where nobody opens, the next knock waits longer, as any dial does.
 */
import { systemClock } from '../clock.ts'
import { redialPauseMs } from '../network/dial-plan.ts'

/** The first pause is as long as a member's look takes to come round; a registrar that is gone for good is knocked at this often. */
const pauses = { redialMinMs: 5_000, redialMaxMs: 600_000 }

export class Knocks {
  readonly #reach: (address: string) => Promise<unknown> | undefined
  readonly #now: () => number
  readonly #failed = new Map<string, { readonly failures: number; readonly untilMs: number }>()

  /** `now`: milliseconds that only rise. */
  constructor(
    reach: (address: string) => Promise<unknown> | undefined,
    now = () => systemClock.monotonicMs(),
  ) {
    this.#reach = reach
    this.#now = now
  }

  /** At these addresses, and no others any more. `isUrgent`: this node may not take part before one opens, and pauses nowhere. */
  at(addresses: readonly string[], isUrgent: boolean): void {
    for (const address of this.#failed.keys()) if (!addresses.includes(address)) this.#failed.delete(address)
    for (const address of addresses)
      if (isUrgent || this.#now() >= (this.#failed.get(address)?.untilMs ?? 0))
        void this.#reach(address)?.then(
          () => this.#failed.delete(address),
          () => this.#noteFailure(address),
        )
  }

  #noteFailure(address: string): void {
    const failures = this.#failed.get(address)?.failures ?? 0
    const untilMs = this.#now() + redialPauseMs(failures, pauses)
    this.#failed.set(address, { failures: failures + 1, untilMs })
  }
}
