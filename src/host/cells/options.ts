/** The things that a node's part in its cell is made of. */
import type { Logger } from 'pino'
import type { CellLimits } from '../../protocol/cell-limits.ts'
import type { OwnerId, PeerId } from '../../protocol/ids.ts'
import type { Capacity } from '../../protocol/membership/advert.ts'
import type { SignedRecord } from '../../protocol/record/record.ts'
import type { Clock } from '../clock.ts'
import type { FleetMember } from '../membership/fleet-member.ts'
import type { Network } from '../network/network.ts'
import type { Journal } from '../store/journal.ts'
import type { SigningKey } from '../store/keys.ts'

export interface CellsDriverOptions {
  readonly key: SigningKey
  readonly network: Network
  readonly fleet: FleetMember | null
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Logger
  /** Where the mesh is found, as multiaddrs. */
  readonly bootstrap: readonly string[]
  /** The node's network is paid by the byte: it does not listen to gossip. */
  readonly isMetered: boolean
  readonly limits?: CellLimits | undefined
  /** Signs an advert anew, and says it. */
  readonly advertise: () => void
  /** Takes an advert as if it had been gossiped. Throws ProtocolError. */
  readonly take: (from: PeerId, advert: SignedRecord) => void
  /** This node's belief about a peer. */
  readonly believed: (peer: PeerId) => Capacity | undefined
  /** Sends the proof that this node has against an owner to a peer; does nothing where it has none. */
  readonly showProof: (to: PeerId, owner: OwnerId) => void
}
