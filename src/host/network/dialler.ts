/**
 * Dials a peer where it says it is, one place after the other, and each only if nobody else is being looked for there.
 *
 * A place at a relay is the last resort. The relay is a peer that this node is connected to, or knows itself: where another
 * says that a relay lives is not dialled, so nobody can send this node to a third party.
 */
import type { Connection, Libp2p } from '@libp2p/interface'
import type { PeerId } from '../../protocol/ids.ts'
import type { DialPlan } from './dial-plan.ts'
import { reason } from './errors.ts'
import { type Known, ownPlaces, relayPlaces } from './known.ts'
import { anotherAnswered } from './outage.ts'
import type { Reach } from './reach.ts'
import { circuitOver } from './relayed.ts'

export class Dialler {
  readonly #node: Libp2p
  readonly #reach: Reach
  readonly #plan: DialPlan

  constructor(node: Libp2p, reach: Reach, plan: DialPlan) {
    this.#node = node
    this.#reach = reach
    this.#plan = plan
  }

  /** Dials the places of the peer itself. Throws the last failure. */
  async dial(peer: PeerId, known: Known, signal: AbortSignal): Promise<Connection> {
    let failure: unknown = new Error(
      'it was looked for there too often, or its addresses are not for this node to dial',
    )
    for (const place of ownPlaces(known)) {
      if (signal.aborted) break
      if (!this.#plan.isFree(place, peer)) continue
      this.#plan.begin(place)
      try {
        const addresses = await this.#reach.resolve(place, known.places)
        if (addresses.length === 0) {
          this.#plan.failed(place, peer, false)
          continue
        }
        const connection = await this.#node.dial(addresses, { signal })
        this.#plan.reached(place, peer)
        known.isProven = true
        return connection
      } catch (thrown) {
        failure = thrown
        const isAnother = reason(thrown).includes(anotherAnswered)
        if (isAnother) known.isProven = false
        this.#plan.failed(place, peer, isAnother)
      }
    }
    throw failure
  }

  /** Dials the peer through its relays; `connect` connects this node to one of them. Throws the last failure. */
  async relay(
    peer: PeerId,
    known: Known,
    connect: (relay: PeerId) => Promise<Connection>,
    signal: AbortSignal,
  ): Promise<Connection> {
    let failure: unknown = new Error('its relay was asked for it too often')
    for (const place of relayPlaces(known)) {
      if (signal.aborted) break
      if (!this.#plan.isFree(place, peer)) continue
      this.#plan.begin(place)
      try {
        const connection = await this.#node.dial(circuitOver(await connect(place.relay), peer), { signal })
        this.#plan.reached(place, peer)
        return connection
      } catch (thrown) {
        failure = new Error(`the relay ${place.relay} did not connect it: ${reason(thrown)}`, {
          cause: thrown,
        })
        this.#plan.failed(place, peer, false)
      }
    }
    throw failure
  }
}
