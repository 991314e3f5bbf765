/**
 * Calls: the engines for which this node, as the steward that acts, has work for vehicles. Its advert names them, so that vehicles
 * which nobody can dial come by themselves (../membership/callers.ts).
 */
import type { JobId } from '../../protocol/ids.ts'
import { advertCallsMax } from '../../protocol/sizes.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'

type Running = Pick<CouncilDriver, 'acting' | 'hasEnded' | 'manifest'>

export class Calls {
  readonly #onCalls: (engines: readonly string[]) => void
  /** Use: the engine of each job for which this node acts. */
  readonly #engines = new Map<JobId, string>()

  constructor(onCalls: (engines: readonly string[]) => void) {
    this.#onCalls = onCalls
  }

  /** Call when anything about the job has changed, which costs no look at the others; undefined: it is not looked after here. */
  look(job: JobId, running: Running | undefined): void {
    const isActing = running?.acting === true && !running.hasEnded
    if (isActing === this.#engines.has(job)) return
    if (isActing) this.#engines.set(job, running.manifest.engine.id)
    else this.#engines.delete(job)
    this.#onCalls([...new Set(this.#engines.values())].sort().slice(0, advertCallsMax))
  }
}
