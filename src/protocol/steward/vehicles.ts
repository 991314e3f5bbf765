/** The knowledge of a steward about the vehicles that work for it, in parts that tell each other when something about one has changed. */
import type { Sha256 } from '../../base/prng.ts'
import type { PeerId } from '../ids.ts'
import { CommonSlowness } from '../job/slowness.ts'
import { LeaseBook } from './lease-book.ts'
import { Patience } from './patience.ts'
import { Rooms } from './rooms.ts'
import { Selection } from './selection.ts'

export interface Vehicles {
  /** Use: the vehicles that still work on leases. Invariant: each lease in it is in `state`. */
  readonly leases: LeaseBook
  /** Use: vehicles that are left alone for a while. */
  readonly patience: Patience
  /** Use: how much slower than estimated vehicles are. */
  readonly slowness: CommonSlowness
  /** Use: leasing draws from those with room. Invariant: all are in `capacities`. */
  readonly rooms: Rooms
  /** Use: those of `capacities` that `rooms` has. */
  readonly selection: Selection
}

export function newVehicles(sha256: Sha256, drawSecret: Uint8Array): Vehicles {
  const touched = new Set<PeerId>()
  const [leases, patience, slowness] = [new LeaseBook(touched), new Patience(touched), new CommonSlowness()]
  const rooms = new Rooms({ leases, patience, slowness, touched })
  return { leases, patience, slowness, rooms, selection: new Selection(sha256, drawSecret) }
}
