/** Takes in what the roster of this node says, and notes whose vehicles could be drawn, and since when. */
import type { PeerId } from '../ids.ts'
import type { Capacity } from '../membership/advert.ts'
import { CandidateRules } from '../steward/candidate.ts'
import type { Seat } from './seat.ts'

/** Takes the roster as it is now. */
export function hearRoster(seat: Seat, capacities: readonly Capacity[], nowMs: number): void {
  seat.capacities.clear()
  for (const capacity of capacities) seat.capacities.set(capacity.peer, capacity)
  seat.watch.ready.touchAll()
  watchAll(seat, nowMs)
  seat.records.meet()
}

/** Takes what has changed in it. */
export function hearAdverts(
  seat: Seat,
  changed: readonly Capacity[],
  gone: readonly PeerId[],
  nowMs: number,
): void {
  for (const peer of gone) seat.capacities.delete(peer)
  for (const capacity of changed) seat.capacities.set(capacity.peer, capacity)
  const { watch } = seat
  const { drawable } = watch
  const peers = [...gone, ...changed.map(({ peer }) => peer)]
  for (const peer of peers) watch.ready.touch(peer)
  const isSame = drawable !== undefined && drawable.stewards === seat.records.succession.stewards
  if (!isSame || peers.some((peer) => drawable.rules.isStale(peer, seat.capacities.get(peer)?.owner)))
    watchAll(seat, nowMs)
  else
    for (const peer of peers) {
      const capacity = seat.capacities.get(peer)
      watch.vehicle(peer, capacity && drawable.rules.candidate(capacity)?.owner, nowMs)
    }
  seat.records.meet()
}

function watchAll(seat: Seat, nowMs: number): void {
  const { capacities, options, records, watch } = seat
  const { stewards } = records.succession
  const rules = new CandidateRules(options.manifest, stewards, (peer) => capacities.get(peer)?.owner)
  watch.drawable = { stewards, rules }
  for (const peer of watch.vehicles()) if (!capacities.has(peer)) watch.vehicle(peer, undefined, nowMs)
  for (const capacity of capacities.values())
    watch.vehicle(capacity.peer, rules.candidate(capacity)?.owner, nowMs)
}
