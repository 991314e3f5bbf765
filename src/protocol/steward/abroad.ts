/**
 * Vehicles of other cells: a census of them (../cells/census.ts) becomes a list on record, from which leases are drawn beside that of the
 * steward's own cell. Two replicas of a shard never go to vehicles of one foreign cell: whoever has captured it, and answers for it as it
 * likes, has one voice at most.
 */
import { compareText } from '../../base/bytes.ts'
import type { PeerId } from '../ids.ts'
import type { CensusMark } from '../job/abroad.ts'
import type { Capacity, ForeignCapacity } from '../membership/advert.ts'
import type { Candidate } from './candidate.ts'
import type { Desk } from './desk.ts'
import type { ShardState } from './shard-state.ts'
import { issue } from './signing.ts'

/** Puts a census on record, and offers its vehicles work from now on. Those that are known already stay what they are. */
export function learnCensus(desk: Desk, mark: CensusMark, members: readonly ForeignCapacity[]): void {
  if (members.length === 0) return
  const sorted = [...members].sort((a, b) => compareText(a.peer, b.peer))
  const candidates = sorted.map(({ peer, owner, key, vehicles }) => ({ peer, owner, key, vehicles }))
  const list = { candidates, census: mark }
  const { id } = issue(desk, 'draw', list)
  desk.draws.addAbroad(id, list)
  for (const member of sorted) {
    if (desk.capacities.has(member.peer)) continue
    desk.abroad.set(member.peer, { list: id, cell: member.cell })
    putForeign(desk, member)
  }
  desk.rooms.unshelve()
}

/** A foreign vehicle says something new. False: it is none. */
export function putForeign(desk: Desk, capacity: Capacity): boolean {
  const abroad = desk.abroad.get(capacity.peer)
  if (abroad === undefined) return false
  const candidate = desk.rules.candidate(capacity)
  desk.foreign.set(capacity.peer, capacity)
  desk.rooms.put(capacity.peer, candidate === undefined ? undefined : { ...candidate, abroad })
  return true
}

/** False: it is none of them. */
export function dropForeign(desk: Desk, peer: PeerId): boolean {
  if (!desk.foreign.delete(peer)) return false
  desk.rooms.put(peer, undefined)
  return true
}

/** The rules may allow others now. */
export function judgeForeign(desk: Desk): void {
  for (const capacity of desk.foreign.values()) putForeign(desk, capacity)
}

/** Tells whether no other vehicle of this one's foreign cell has the shard, or had it. */
export function isApart(
  { abroad, leases }: Pick<Desk, 'abroad' | 'leases'>,
  candidate: Candidate,
  shard: ShardState,
): boolean {
  const cell = candidate.abroad?.cell
  if (cell === undefined) return true
  const isThere = (peer: PeerId | undefined) => peer !== undefined && abroad.get(peer)?.cell === cell
  for (const { lease } of shard.holders.values())
    if (isThere(leases.get(lease)?.lease.payload.vehicle)) return false
  return !shard.claims.some(({ peer }) => isThere(peer))
}
