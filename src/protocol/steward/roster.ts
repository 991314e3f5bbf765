/** The vehicles that could work for the job, as the roster has it now. */
import type { PeerId } from '../ids.ts'
import type { Capacity } from '../membership/advert.ts'
import { dropForeign, judgeForeign, putForeign } from './abroad.ts'
import { CandidateRules } from './candidate.ts'
import type { Desk } from './desk.ts'

/** Vehicles that a turn takes in, so that the steward is back at its messages soon: each takes some microseconds. */
const turnVehiclesMax = 512

/** Takes the roster as it is now: of a large one a part, and the others in the next turns (`takeArriving`). */
export function learnRoster(desk: Desk, capacities: readonly Capacity[]): void {
  const present = new Set(capacities.map(({ peer }) => peer))
  desk.arriving.clear()
  for (const capacity of capacities)
    if (desk.capacities.get(capacity.peer) !== capacity) desk.arriving.set(capacity.peer, capacity)
  takeArriving(
    desk,
    [...desk.capacities.keys()].filter((peer) => !present.has(peer)),
  )
}

/** Takes in more of those that have arrived. Nothing is leased before all are in, or else those that come first would be drawn more often. */
export function takeArriving(desk: Desk, gone: readonly PeerId[] = []): void {
  const some = [...desk.arriving.values()].slice(0, turnVehiclesMax)
  for (const { peer } of some) desk.arriving.delete(peer)
  takeIn(desk, some, gone)
}

/** Takes what changed in the roster; a vehicle that works again is asked again. */
export function learnAdverts(desk: Desk, changed: readonly Capacity[], gone: readonly PeerId[]): void {
  for (const peer of [...gone, ...changed.map(({ peer }) => peer)]) desk.arriving.delete(peer)
  takeIn(desk, changed, gone)
}

function takeIn(desk: Desk, changed: readonly Capacity[], gone: readonly PeerId[]): void {
  const { capacities, selection } = desk
  for (const peer of gone) if (!dropForeign(desk, peer)) capacities.delete(peer)
  for (const capacity of changed) {
    if (putForeign(desk, capacity)) continue
    const before = capacities.get(capacity.peer)
    if (capacity.mode === 'run' && before !== undefined && before.mode !== 'run')
      desk.patience.ready(capacity.peer)
    capacities.set(capacity.peer, capacity)
  }
  const peers = [...gone, ...changed.map(({ peer }) => peer)]
  if (peers.some((peer) => desk.rules.isStale(peer, capacities.get(peer)?.owner))) learnStewards(desk)
  else {
    for (const peer of gone) selection.put(peer, undefined)
    for (const { peer } of changed) {
      const capacity = capacities.get(peer)
      if (capacity !== undefined) selection.put(peer, desk.rules.candidate(capacity))
    }
    takeSelected(desk)
  }
}

/** The job's stewards have changed, or the owner of one: everybody is judged anew. */
export function learnStewards(desk: Desk): void {
  const { capacities, selection, options } = desk
  desk.rules = new CandidateRules(options.manifest, desk.stewards, (peer) => capacities.get(peer)?.owner)
  for (const peer of [...selection.peers()]) if (!capacities.has(peer)) selection.put(peer, undefined)
  for (const capacity of capacities.values()) selection.put(capacity.peer, desk.rules.candidate(capacity))
  judgeForeign(desk)
  takeSelected(desk)
}

function takeSelected({ selection, rooms }: Desk): void {
  for (const [peer, candidate] of selection.takeChanged()) rooms.put(peer, candidate)
  rooms.unshelve()
}

/** Distinct owners that could be drawn and were not contradicted. */
export function availableOwners({ rooms, board }: Desk): number {
  let available = rooms.owners.size
  for (const owner of board.contradicted) if (rooms.owners.has(owner)) available -= 1
  return available
}
