/**
 * Standbys: draws the nodes that are asked to look after a job with its submitter.
 *
 * Owners are the unit of the draw. An owner may run as many nodes as it likes, and standing by needs no slots. So a draw
 * over nodes, or an order that puts the nodes without slots first, lets one owner sit at nearly every job with a few idle
 * processes. Here an owner has one lot, whatever it runs: each of n owners has about the n-th part of the places.
 *
 * A steward's owner executes nothing of the job. An owner that the job cannot spare is therefore passed over: a job keeps
 * its replicas, one owner that may lie and one that may drive off. In a small mesh only owners are left that execute
 * nothing anyway.
 *
 * Which of its nodes stands for an owner is drawn, too, and is no other owner's concern: first of those that are not
 * stopped, and of these of those without slots, since no vehicle drives off with them. An owner whose node declined or was
 * silent comes after all owners that were not asked, so that fifty silent nodes cost no more time than one. A node that says in
 * its advert that it does not stand by is not asked.
 */
import { compareText } from '../../base/bytes.ts'
import { RandomStream, type Sha256 } from '../../base/prng.ts'
import type { OwnerId, PeerId } from '../ids.ts'
import type { Manifest } from '../job/manifest.ts'
import type { Capacity } from '../membership/advert.ts'

/** Owners beyond the replicas that a job keeps for itself: one may lie and one may drive off. */
const spareOwners = 2

export interface StandbySearch {
  /** In a fleet, nodes that it has admitted, each for the owner that it was admitted for. */
  readonly capacities: readonly Capacity[]
  /** The job's engine, and the number of replicas that must agree. */
  readonly runtime: Manifest['runtime']
  readonly engine: string
  readonly replicas: number
  /** Peers and owners that look after the job already, or must not. */
  readonly taken: { readonly peers: ReadonlySet<PeerId>; readonly owners: ReadonlySet<OwnerId> }
  /**
   * Others cannot dial the node that seeks: of its standbys one should be a node that they can, as long as there is one, or none
   * of them may reach the vehicles (reaching.ts).
   */
  readonly wantsDialled?: boolean
  /** The nodes that were asked in vain, each with its owner: they declined, or did not answer. */
  readonly inVain: ReadonlyMap<PeerId, OwnerId>
  readonly sha256: Sha256
  /**
   * At submission, random bytes that its submitter tells nobody; when a steward is replaced, the job's draw secret, which its
   * stewards know. Whoever knows it could make keys of owners that are drawn, where owners cost nothing.
   */
  readonly seed: Uint8Array
}

/** At most `count` nodes of distinct owners, in the order of their owners' lots. The same search always gives the same. */
export function findStandbys(search: StandbySearch, count: number): Capacity[] {
  const { capacities, taken } = search
  const others = capacities.filter(({ peer, owner }) => !taken.peers.has(peer) && !taken.owners.has(owner))
  const free = others.filter(({ standsBy }) => standsBy !== false)
  const vehicles = others.filter((capacity) => executes(capacity, search))
  const executing = ownersOf(vehicles)
  // A vehicle that is stopped is in use, or has left: it may come back, and executes nothing now.
  const left = ownersOf(vehicles.filter(({ mode }) => mode !== 'stop'))
  const found: Capacity[] = []
  for (const { owner, node } of lotsOf(free, search)) {
    if (found.length === count) break
    const rest = left.size - Number(left.has(owner))
    if (executing.has(owner) && rest < search.replicas + spareOwners) continue
    left.delete(owner)
    found.push(node)
  }
  return found
}

/** One lot for each owner, in their order: first those that were asked in vain the fewest times. */
function lotsOf(free: readonly Capacity[], { inVain, sha256, seed }: StandbySearch) {
  const lotOf = (name: string) => new RandomStream(sha256, seed, `standby/${name}`).below(2 ** 32)
  const failures = Map.groupBy(inVain.values(), (owner) => owner)
  const owners = Map.groupBy(
    free.filter(({ peer }) => !inVain.has(peer)),
    ({ owner }) => owner,
  )
  return [...owners]
    .map(([owner, nodes]) => ({
      owner,
      node: nodeOf(nodes, lotOf),
      failures: failures.get(owner)?.length ?? 0,
      lot: lotOf(owner),
    }))
    .sort((a, b) => a.failures - b.failures || a.lot - b.lot || compareText(a.owner, b.owner))
}

/** The node that stands for its owner; `nodes` has at least one. */
function nodeOf(nodes: readonly Capacity[], lotOf: (name: string) => number): Capacity {
  const [drawn] = nodes
    .map((node) => ({ node, rank: rankOf(node), lot: lotOf(node.peer) }))
    .sort((a, b) => a.rank - b.rank || a.lot - b.lot || compareText(a.node.peer, b.node.peer))
  return drawn!.node
}

function rankOf({ mode, slots }: Capacity): number {
  return 2 * Number(mode === 'stop') + Number(slots.total > 0)
}

function ownersOf(nodes: readonly Capacity[]): Set<OwnerId> {
  return new Set(nodes.map(({ owner }) => owner))
}

function executes({ engines, slots }: Capacity, { runtime, engine }: StandbySearch): boolean {
  if (slots.total === 0) return false
  return engines.some((offered) => offered.runtime === runtime && offered.id === engine)
}
