/** The vehicles that could work for the job, as the roster has it now. */
import type { Capacity } from '../membership/advert.ts'
import { candidatesFor } from './candidate.ts'
import type { Desk } from './desk.ts'

/** Takes the roster as it is now; a vehicle that works again is asked again. */
export function learnRoster(desk: Desk, capacities: readonly Capacity[]): void {
  const before = desk.capacities
  desk.capacities = new Map(capacities.map((capacity) => [capacity.peer, capacity]))
  for (const { peer, mode } of capacities)
    if (mode === 'run' && (before.get(peer)?.mode ?? 'run') !== 'run') desk.patience.ready(peer)
  desk.candidates = candidatesFor(desk.options.manifest, desk.stewards, capacities)
  desk.barren.clear()
}

/** Distinct owners that could be drawn and were not contradicted. */
export function availableOwners(desk: Desk): number {
  return new Set(
    desk.candidates.filter((c) => !desk.board.contradicted.has(c.owner)).map((candidate) => candidate.owner),
  ).size
}
