/** The options of a node. */
import type { Logger } from 'pino'
import type { CellLimits } from '../../protocol/cell-limits.ts'
import type { Ask } from '../../protocol/price.ts'
import type { Runtimes } from '../../runtimes/registry.ts'
import type { Clock } from '../clock.ts'
import type { AutoPrice } from '../energy/own-prices.ts'
import type { Executor } from '../executor/contract.ts'
import type { NetworkBounds } from '../network/bounds.ts'
import type { Reloaded } from '../reloaded.ts'
import type { NetworkKind } from '../signals/network.ts'
import type { OwnersWish } from '../supervisor/owner-watch.ts'

export interface NodeOptions {
  readonly dataDir: string
  readonly listen: readonly string[]
  /** The addresses that others are told to dial; none: those on which it listens. */
  readonly announce: readonly string[]
  readonly bootstrap: readonly string[]
  /** Relays for peers that nobody can dial, as long as others can dial this node; a node without slots does by default. */
  readonly relays?: boolean
  /** Looks for peers of its mesh on the local network, too. */
  readonly lan?: boolean
  /** Its name for people; empty: the end of its peer id. */
  readonly name: string
  /** Leases that run at once; 0 for a node that only looks after jobs. */
  readonly slots: number
  /** Path of the certificate that its owner signed for this node; null: it is its own owner. */
  readonly ownerCertificate: string | null
  /** Path of the fleet's charter; null: an open mesh. */
  readonly fleet: string | null
  /** Path of the fleet's key, which makes this node a registrar. */
  readonly fleetKey: string | null
  /** Path of a key without which nobody sees even a handshake. */
  readonly meshKey: string | null
  readonly cacheBytesMax: number
  /** The price that its owner asks for a unit of work, by runtime; nothing for those that are not named. */
  readonly asks: ReadonlyMap<string, Ask>
  readonly wish: OwnersWish
  /**
   * The sources of the vehicle's readings (src/host/signals/specs.ts); none: the machine has no vehicle around it.
   */
  readonly signals: readonly string[]
  /** Tells whether the network is paid by the byte. */
  readonly network: NetworkKind
  /** The machine's owner lets work use its graphics processor. */
  readonly mayAccelerate?: boolean
  /** The power that a slot draws when it is busy all the time, in watts. */
  readonly slotWatts: number
  /** The price of electricity (src/host/energy/tariff-source.ts); left out: not known. */
  readonly tariff?: string | null
  /** Prices that follow that of electricity; left out: none do. */
  readonly autoPrice?: AutoPrice | null
  /** The power that the computer draws beside the work, if it is awake for the work only, in watts; left out: 0. */
  readonly idleWatts?: number
  /** Reads its configuration again, and changes what can change while it runs (CarpoolNode.change). Throws RequestError. */
  readonly reload?: () => Promise<Reloaded>
  readonly log: Logger
  /** True when it looks after jobs of others when they ask; not for a node that lives for one job only. */
  readonly standsBy: boolean
  /** Name and version, as the advert says it. */
  readonly software: string
  /** The runtimes that it knows; left out: those that come along. */
  readonly runtimes?: Runtimes
  /** The executor of this node's work, where it is not the usual child processes. */
  readonly executor?: Executor
  /** The mesh may be several cells: present, with other limits than the usual ones where they are named. */
  readonly cells?: Partial<CellLimits> | undefined
  /** The time, where it is not the machine's. */
  readonly clock?: Clock
  /** Other bounds of the network than bounds.ts has, for tests and benchmarks. */
  readonly networkBounds?: Partial<NetworkBounds>
}
