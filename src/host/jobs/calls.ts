/**
 * Calls: the engines for which this node, as the steward that acts, has work for vehicles. Its advert names them, so that vehicles
 * which nobody can dial come by themselves (../membership/callers.ts).
 */
import { advertCallsMax } from '../../protocol/sizes.ts'
import type { CouncilDriver } from '../stewardship/council-driver.ts'

type Running = Pick<CouncilDriver, 'acting' | 'hasEnded' | 'manifest'>

export class Calls {
  readonly #onCalls: (engines: readonly string[]) => void
  #told = ''

  constructor(onCalls: (engines: readonly string[]) => void) {
    this.#onCalls = onCalls
  }

  /** Call when anything has changed. */
  look(running: Iterable<Running>): void {
    const engines = enginesOf(running)
    if (engines.join() === this.#told) return
    this.#told = engines.join()
    this.#onCalls(engines)
  }
}

function enginesOf(running: Iterable<Running>): string[] {
  const engines = new Set<string>()
  for (const { acting, hasEnded, manifest } of running)
    if (acting && !hasEnded) engines.add(manifest.engine.id)
  return [...engines].sort().slice(0, advertCallsMax)
}
